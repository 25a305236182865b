"""PyTorch programs answer as the modules that they were made from. Importing torch takes seconds."""

from __future__ import annotations

import warnings
import zipfile

import numpy as np
import pytest

from components.needs import need
from components.predictors import asked, asked_singly, opened, refused, served
from modelyard.errors import InvalidArtifact
from modelyard.runtimes.base import CodeBearingWarning
from modelyard.runtimes.flavours import flavour_named, flavour_of

pytestmark = pytest.mark.slow

ROWS = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
BODIES = [{"input": row} for row in ROWS.tolist()]
CLOSE = 1e-6


@pytest.fixture(scope="module")
def torch():
    """PyTorch itself, of which only some calls are typed."""
    need("torch")
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def module(torch):
    """A small network in training mode, whose dropout would show."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.ReLU(), torch.nn.Linear(8, 3))


@pytest.fixture(scope="module")
def expected(torch, module):
    """What the network answers in evaluation mode."""
    module.eval()
    with torch.inference_mode():
        answers = module(torch.from_numpy(ROWS)).numpy()
    module.train()
    return answers


def scripted(torch, module):
    """The module as TorchScript, whose deprecation is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(module)


def exported(torch, module, rows, *, fixed=False):
    """The module as an exported program, for any number of rows or for exactly these."""
    shapes = None if fixed else ({0: torch.export.Dim("rows")},)
    return torch.export.export(module.eval(), (torch.zeros(rows, 4),), dynamic_shapes=shapes)


def over_tolerance(answers, expected):
    """How many rows are farther off than CLOSE."""
    return int((np.abs(np.concatenate(answers) - expected).max(axis=1) > CLOSE).sum())


def test_torchscript_answers_as_the_module(torch, module, expected, tmp_path):
    script = scripted(torch, module)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saved = flavour_of(script).save(script, tmp_path)
        loaded = flavour_named(saved.flavour).load(tmp_path, saved.files, reference="m/1")
    assert (saved.files, saved.framework, saved.format) == (("model.pt",), "torch", "torchscript")
    assert (loaded.training, saved.code_bearing) == (False, False)
    predictor = served(script, tmp_path, ROWS)
    assert predictor.batchable
    assert over_tolerance(asked(predictor, *BODIES), expected) == 0
    assert over_tolerance(asked_singly(predictor, *BODIES), expected) == 0
    assert "shape [4], and not [2]" in refused(predictor, [[1, 2]])
    assert "takes float32, and not 'x'" in refused(predictor, [["x", 1, 2, 3]])


def test_a_script_without_a_schema_takes_integers_as_numbers_and_calls_singly(torch, module, tmp_path):
    predictor = served(scripted(torch, module), tmp_path)
    assert not predictor.batchable
    assert asked(predictor, [[1, 2, 3, 4]]) == asked(predictor, [[1.0, 2.0, 3.0, 4.0]])


def test_columns_of_a_table_are_one_matrix_for_one_argument(torch, module, expected, tmp_path):
    names = ["größe", "b", "c", "d"]
    records = [dict(zip(names, row, strict=True)) for row in ROWS.tolist()]
    predictor = served(scripted(torch, module), tmp_path, records[:3])
    assert over_tolerance(asked(predictor, *[{"input": [record]} for record in records]), expected) == 0


def test_indices_stay_integers_where_the_model_looks_them_up(torch, tmp_path):
    table = torch.nn.Embedding(5, 2)
    predictor = served(scripted(torch, table), tmp_path)
    assert asked(predictor, [[0, 4]]) == [table.weight[[0, 4]].detach().numpy()[None].tolist()]


def test_exported_programs_tell_what_they_take(torch, module, expected, tmp_path):
    program = exported(torch, module, 2)
    saved = flavour_of(program).save(program, tmp_path)
    with pytest.warns(CodeBearingWarning, match=r"runs the code in model\.pt2"):
        flavour_named("torch").load(tmp_path, saved.files, reference="m/1")
    assert (saved.format, saved.code_bearing) == ("torch.export", True)
    predictor = served(program, tmp_path)
    assert predictor.batchable
    assert over_tolerance(asked(predictor, *BODIES), expected) == 0
    assert "takes float32, and not 1e+300" in refused(predictor, [[1e300, 1, 2, 3]])


def test_a_program_of_a_fixed_number_of_rows_is_asked_in_goes(torch, module, expected, tmp_path):
    predictor = served(exported(torch, module, 2, fixed=True), tmp_path)
    assert not predictor.batchable
    assert over_tolerance(asked(predictor, ROWS.tolist()), expected) == 0
    assert "takes 2 rows at once, and not 3" in refused(predictor, ROWS[:3].tolist())


def test_arguments_go_by_name_and_several_outputs_come_back(torch, tmp_path):
    class Two(torch.nn.Module):  # type: ignore[misc, name-defined] # a fixture cannot be typed as a module
        def forward(self, left, right):
            return left - right, {"sum": left + right}

    example = {"right": np.ones((2, 3)), "left": np.zeros((2, 3))}
    predictor = served(exported_two(torch, Two()), tmp_path, example)
    body = {"right": [[1.0, 2.0, 3.0]], "left": [[0.0, 0.0, 0.0]]}
    assert asked(predictor, {"input": body}) == [[[[-1.0, -2.0, -3.0]], {"sum": [[1.0, 2.0, 3.0]]}]]
    assert predictor.batchable


def exported_two(torch, module):
    """A program of two arguments, for any number of rows."""
    rows = torch.export.Dim("rows")
    given = (torch.zeros(2, 3), torch.zeros(2, 3))
    return torch.export.export(module, given, dynamic_shapes=({0: rows}, {0: rows}))


def test_files_that_hold_no_program_are_refused_without_loading_them(torch, module, tmp_path):
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    torch.save(module, tmp_path / "whole.pt")
    (tmp_path / "text.pt").write_text("no archive")
    for file, message in (("weights.pt", "weights"), ("whole.pt", "a pickled module"), ("text.pt", "is no program")):
        with pytest.raises(InvalidArtifact, match=message) as caught:
            opened(tmp_path, file)
        assert "torch.export.save" in caught.value.hint


def test_a_damaged_program_is_refused(torch, tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        for name in ("constants.pkl", "data.pkl", "code/__torch__.py", "version"):
            archive.writestr(f"model/{name}", b"broken")
    with pytest.raises(InvalidArtifact, match=r"model\.pt cannot be loaded"):
        opened(tmp_path)


def test_a_plain_module_goes_as_a_pickle_and_is_asked_all_the_same(torch, module, expected, tmp_path):
    with pytest.warns(CodeBearingWarning):
        saved = flavour_of(module).save(module, tmp_path)
    assert (saved.flavour, saved.framework, saved.files) == ("python", "torch", ("model.joblib",))
    answers = asked(opened(tmp_path, *saved.files), {"input": ROWS.tolist()})
    assert over_tolerance(answers, expected) == 0
