"""What a prediction is answered with: one JSON document, the same from a server and in one's own process.

{"output": …, "name": …, "version": …, "version_id": …, "deployment_id": …, "epoch": …, "usage"?: {…}}
"""

from __future__ import annotations

from typing import Any

import msgspec

from modelyard.delivery.book import Facts
from modelyard.runtimes.backend import Answer, Usage

_encode = msgspec.json.Encoder().encode


def answer_of(answer: Answer, facts: Facts) -> bytes:
    """Return the JSON document of an answer; what the version said is passed on as it came."""
    tail = _encode(facts)[1:]
    if answer.usage is not None:
        tail = b'%b,"usage":%b}' % (tail[:-1], usage_of(answer.usage))
    return b'{"output":%b,%b' % (answer.output, tail)


def usage_of(usage: Usage) -> bytes:
    """Return what an answer took, as JSON; without a cost where there are no prices."""
    document: dict[str, Any] = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return _encode(document if usage.cost is None else {**document, "cost": usage.cost})
