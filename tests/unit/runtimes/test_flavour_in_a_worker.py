"""A model behind real worker processes: many calls at once, of several forms, each with its own answer."""

from __future__ import annotations

import asyncio
import json
import warnings

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from components.acting import ActorFolder
from modelyard.domain.wire import FileRecord
from modelyard.errors import InvalidInput, PredictionFailed
from modelyard.runtimes.backend import INFER, Call, Runnable, Sizing
from modelyard.runtimes.base import CodeBearingWarning
from modelyard.runtimes.examples import example_json
from modelyard.runtimes.flavours import flavour_of
from modelyard.runtimes.pool import WorkerPool
from modelyard.runtimes.schemas import infer_schema
from modelyard.runtimes.supervision import WorkerPolicy

FRAME, y = load_iris(return_X_y=True, as_frame=True)
MODEL = LogisticRegression(max_iter=500).fit(FRAME, y)


def runnable(folder):
    """The fitted model as a version, written into the folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CodeBearingWarning)
        saved = flavour_of(MODEL).save(MODEL, folder)
    files = tuple(
        FileRecord(path=name, size=(folder / name).stat().st_size, blake3="", sha256="") for name in saved.files
    )
    return Runnable(
        version_id="v1",
        name="iris",
        version="1.0.0",
        flavour=saved.flavour,
        files=files,
        input_schema=infer_schema(FRAME),
        input_example=example_json(FRAME),
    )


@pytest.mark.slow
@pytest.mark.feature("DEP-14", "EXP-24")
def test_many_calls_at_once_get_their_own_answers_from_workers(tmp_path):
    records = FRAME.to_dict("records")
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": FRAME.iloc[0].tolist()}

    async def ask():
        pool = WorkerPool(runnable(tmp_path), Sizing(replicas=2), lambda _: ActorFolder(tmp_path), WorkerPolicy())
        await pool.start()
        try:
            calls = [Call(body=json.dumps({"input": record}).encode()) for record in records]
            calls.append(Call(body=json.dumps({"input": [["x", 1, 2, 3]]}).encode()))
            calls.append(Call(body=json.dumps({"inputs": [tensor]}).encode(), protocol=INFER))
            return await asyncio.gather(*map(pool.predict, calls), return_exceptions=True)
        finally:
            await pool.close()

    *answers, refused, inferred = asyncio.run(ask())
    assert [json.loads(answer.output) for answer in answers] == [[label] for label in MODEL.predict(FRAME).tolist()]
    assert isinstance(refused, InvalidInput)
    assert not isinstance(refused, PredictionFailed)
    assert json.loads(inferred.output)["outputs"][0]["data"] == [0]
