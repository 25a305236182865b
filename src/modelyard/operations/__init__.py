"""THE TABLE: every operation of modelyard, declared once.

A row says what an operation is called, where it lives over REST, which permission it needs, and the types of its
request and response. The REST routes, their OpenAPI document, the remote half of `ModelRegistry` and the tests that
walk every operation are all made from these rows; the use case behind a row is a function marked `@serves(ROW)` in
`modelyard.registry`.

How a request's fields travel: by name in the path where the template has them, in the `If-Match` header for
`if_match`, in the query for GET and DELETE, and otherwise in the JSON body. `{reference}` takes any reference of
`modelyard.domain.references` and may hold slashes: `/api/models/fraud/1.4.2/metadata` and
`/api/models/fraud@champion/metadata` both work.

Streams (upload, download) are not rows: they carry bytes, are few, and are written by hand in `modelyard.server`.
"""

from __future__ import annotations

from typing import Any

from modelyard.domain.contract import IF_MATCH as IF_MATCH
from modelyard.domain.contract import Numbered as Numbered
from modelyard.domain.contract import Operation as Operation
from modelyard.domain.contract import Secretive as Secretive
from modelyard.operations.alerts import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.analysis import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.copying import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.delivery import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.feedback import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.forwards import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.history import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.lineage import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.metrics import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.policies import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.principals import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.profiles import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.promotions import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.registry import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.renaming import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.reports import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.signatures import *  # noqa: F403 - the table is all rows of its modules
from modelyard.operations.webhooks import *  # noqa: F403 - the table is all rows of its modules

TABLE: tuple[Operation[Any, Any], ...] = tuple(row for row in list(globals().values()) if isinstance(row, Operation))
BY_NAME: dict[str, Operation[Any, Any]] = {row.name: row for row in TABLE}
