"""Requests and answers of the Open Inference Protocol, version 2, between bytes and rows.

Rules
- The method that is asked stands in `parameters`, as in modelyard's own format; other parameters go to models that
  take some.
- The answer holds the request's `id` and `outputs`, in the order in which they were wanted; the model's name is added
  by the server.
"""

from __future__ import annotations

from typing import Any

from modelyard.domain.names import shown
from modelyard.domain.tensors import InferRequest, read_request
from modelyard.errors import InvalidInput
from modelyard.runtimes.inputs import decoded
from modelyard.runtimes.outputs import encoded, named, tensor


def infer_request(body: bytes) -> InferRequest:
    """Read a request; InvalidInput where it is none."""
    return read_request(decoded(body))


def plain_input(request: InferRequest) -> Any:
    """The tensors as a value for a model that takes values as they were sent: lists, by name if there are several."""
    values = {item.name: item.nested() for item in request.tensors}
    return next(iter(values.values())) if len(values) == 1 else values


def infer_answer(request: InferRequest, answer: Any, name: str) -> bytes:
    """The body of the answer.

    Args:
        request: what was asked.
        answer: what the model said.
        name: how an output is called that has no name of its own.

    Raises:
        InvalidInput: an output is wanted that the model does not give.
        TypeError: the model gave what JSON has no word for.
    """
    outputs = named(answer, name)
    if unknown := [wanted for wanted in request.outputs if wanted not in outputs]:
        raise InvalidInput(f"the model has no output {shown(unknown[0])}", hint=f"it has {', '.join(outputs)}")
    chosen = request.outputs or tuple(outputs)
    document: dict[str, Any] = {"id": request.id} if request.id else {}
    return encoded(document | {"outputs": [tensor(wanted, outputs[wanted]) for wanted in chosen]})
