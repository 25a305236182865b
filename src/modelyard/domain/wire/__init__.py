"""What crosses a border: the records that every operation answers with, the same embedded and over HTTP.

Plain frozen dataclasses of JSON values, so that msgspec, FastAPI and a person reading a response see one shape. Times
are ISO 8601 in UTC with microseconds (`2026-03-01T12:00:00.000000Z`), sizes are bytes, digests are lower-case
hexadecimal.

A new metadata field is one line in `Metadata`: requests, records, the stored document and the API follow from it.
"""

from __future__ import annotations

from modelyard.domain.wire.alerts import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.care import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.copying import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.delivery import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.explaining import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.feedback import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.forwards import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.history import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.judge import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.lineage import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.metrics import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.predictions import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.principals import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.profiles import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.promotions import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.registry import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.reports import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.signatures import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.snapshots import *  # noqa: F403 - one namespace of records
from modelyard.domain.wire.webhooks import *  # noqa: F403 - one namespace of records
