"""A real model in real worker processes: registered, materialised, loaded, asked over and over."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from modelyard import ModelRegistry
from modelyard.artifacts.opening import open_store
from modelyard.config import load
from modelyard.errors import InvalidInput
from modelyard.runtimes.backend import INFER, Backend, Call, Runnable, Sizing
from modelyard.runtimes.fleet import Fleet
from modelyard.runtimes.opening import backends_of

PATIENCE = 100.0


def registered(folder: Path, model: LogisticRegression, rows: np.ndarray) -> Runnable:
    """Register a fitted model and return what runs it."""
    with ModelRegistry(folder) as registry:
        version = registry.get_model(registry.register_model(model, "iris", input_example=rows[:3]))
    return Runnable(
        version_id=version.id,
        name=version.name,
        version=version.version,
        flavour=version.flavour or "",
        files=tuple(version.files),
        input_schema=version.input_schema,
        output_schema=version.output_schema,
        input_example=version.input_example,
    )


async def answers(backend: Backend, rows: np.ndarray) -> list[int]:
    """Ask for each row by itself, all at once."""
    calls = (Call(body=json.dumps({"input": [row.tolist()]}).encode()) for row in rows)
    return [json.loads(answer.output)[0] for answer in await asyncio.gather(*map(backend.predict, calls))]


@pytest.mark.slow
@pytest.mark.feature("DEP-10", "DEP-14", "EXP-24")
def test_a_model_answers_as_it_does_in_a_notebook_in_batches(tmp_path: Path):
    asyncio.run(asyncio.wait_for(compare(tmp_path), PATIENCE))


async def compare(tmp_path: Path) -> None:
    """Register, run and ask a model; compare with what it says here."""
    rows, labels = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(rows, labels)
    runnable = registered(tmp_path / "registry", model, rows)
    settings = load(environ={}, working_folder=tmp_path, overrides={"cache.path": str(tmp_path / "cache")})
    fleet = Fleet(settings, backends_of(open_store(str(tmp_path / "registry")), settings))
    try:
        backend = await fleet.ensure(runnable, Sizing(replicas=1))
        assert (await backend.probe()).ok
        assert await answers(backend, rows) == model.predict(rows).tolist()
        assert backend.describe()["batches"] < len(rows) / 3
        body = {"inputs": [{"name": "input", "shape": [1, 4], "datatype": "FP64", "data": rows[0].tolist()}]}
        answer = await backend.predict(Call(body=json.dumps(body).encode(), protocol=INFER))
        assert json.loads(answer.output)["outputs"][0]["data"] == [int(model.predict(rows[:1])[0])]
        with pytest.raises(InvalidInput):
            await backend.predict(Call(body=b'{"input": [[1, 2]]}'))
    finally:
        await fleet.close()
