"""What a prediction is answered with: one JSON document, the same from a server and in one's own process.

{"output": …, "name": …, "version": …, "version_id": …, "deployment_id": …, "epoch": …, "prediction_id": …,
 "usage"?: {…}}
"""

from __future__ import annotations

from typing import Any

import msgspec

from modelyard.delivery.gateway import Prediction
from modelyard.runtimes.backend import Usage

_encode = msgspec.json.Encoder().encode


def answer_of(prediction: Prediction) -> bytes:
    """Return the JSON document of a prediction; what the version said is passed on as it came."""
    answer = prediction.answer
    # The name of a prediction has no character that JSON would escape.
    tail = b'%b,"prediction_id":"%b"' % (_encode(prediction.facts)[1:-1], prediction.id.encode())
    if answer.usage is not None:
        tail = b'%b,"usage":%b' % (tail, usage_of(answer.usage))
    return b'{"output":%b,%b}' % (answer.output, tail)


def usage_of(usage: Usage) -> bytes:
    """Return what an answer took, as JSON; without a cost where there are no prices."""
    document: dict[str, Any] = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return _encode(document if usage.cost is None else {**document, "cost": usage.cost})
