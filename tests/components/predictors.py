"""Models on their way to predictions: written by their flavour, loaded by `open_predictor`, asked in this process."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from modelyard.runtimes.base import CodeBearingWarning
from modelyard.runtimes.examples import example_json
from modelyard.runtimes.flavours import flavour_of
from modelyard.runtimes.predictor import Fault, Predictor, open_predictor
from modelyard.runtimes.schemas import infer_schema


def served(model: object, folder: Path, example: Any = None, **facts: Any) -> Predictor:
    """The predictor of a model, written into the folder as `register_model(model, input_example=example)` would."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodeBearingWarning)
        saved = flavour_of(model).save(model, folder)
        known = (
            {} if example is None else {"input_schema": infer_schema(example), "input_example": example_json(example)}
        )
        return open_predictor(
            folder, {"flavour": saved.flavour, "files": saved.files, "reference": "churn/3", **known, **facts}
        )


def opened(folder: Path, *files: str, **facts: Any) -> Predictor:
    """The predictor of files that were registered as they are; all files of the folder where none are named."""
    names = files or tuple(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodeBearingWarning)
        return open_predictor(folder, {"files": names, "reference": "churn/3", **facts})


def asked(predictor: Predictor, *bodies: Any, protocol: str = "predict") -> list[Any]:
    """The answers to bodies that are sent together; the decoded JSON, or the Fault."""
    answers = predictor.predict([(protocol, json.dumps(body).encode()) for body in bodies])
    return [answer if isinstance(answer, Fault) else json.loads(answer) for answer in answers]


def asked_singly(predictor: Predictor, *bodies: Any) -> list[Any]:
    """The answers to bodies that are sent one after the other."""
    return [asked(predictor, body)[0] for body in bodies]


def refused(predictor: Predictor, body: Any, protocol: str = "predict") -> str:
    """Why a body is the caller's mistake; fails where it is none."""
    (answer,) = asked(predictor, body, protocol=protocol)
    assert isinstance(answer, Fault), answer
    assert answer.kind == "input", answer
    return answer.message
