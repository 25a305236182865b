"""Python classes of one's own, in a file of the version."""

from __future__ import annotations

import sys
import warnings

import pytest

from components.predictors import asked, opened, refused
from modelyard.errors import InvalidArtifact, MissingExtra
from modelyard.runtimes.base import CodeBearingWarning
from modelyard.runtimes.flavours import flavour_named
from modelyard.runtimes.predictor import Fault

LOADING = """
from __future__ import annotations
from dataclasses import dataclass
import words

@dataclass
class Table:
    scores: dict[str, int]

class Predictor:
    def load(self, folder):
        import more
        self.table = Table({line: more.ONE for line in (folder / "words.txt").read_text().split()})

    def predict(self, inputs, parameters=None):
        default = (parameters or {}).get("default", words.DEFAULT)
        return {"scores": [self.table.scores.get(text, default) for text in inputs]}
"""

ADDING = """
class Predictor:
    inputs = "numpy"
    batchable = True
    questions = []

    def predict(self, inputs):
        self.questions.append(len(inputs))
        return inputs.sum(axis=1)
"""


@pytest.fixture
def scorer(tmp_path):
    """The predictor of a class that loads a file and imports modules beside it."""
    (tmp_path / "predictor.py").write_text(LOADING)
    (tmp_path / "words.txt").write_text("good gut\n")
    (tmp_path / "words.py").write_text("DEFAULT = 0\n")
    (tmp_path / "more.py").write_text("ONE = 1\n")
    return opened(tmp_path)


@pytest.mark.feature("DEP-14")
def test_a_class_loads_its_files_and_gets_values_as_they_were_sent(scorer):
    assert asked(scorer, {"input": ["good", "bad"]}, {"inputs": ["gut"]}) == [{"scores": [1, 0]}, {"scores": [1]}]
    assert not scorer.batchable


def test_a_class_gets_parameters_if_it_asks_for_them(scorer):
    assert asked(scorer, {"input": ["bad"], "parameters": {"default": 7}}) == [{"scores": [7]}]


def test_an_error_of_the_class_is_the_models(scorer):
    (answer,) = asked(scorer, {"input": 5})
    assert answer == Fault("model", "TypeError: 'int' object is not iterable")


@pytest.mark.feature("EXP-24")
def test_tensors_come_as_lists(scorer):
    body = {"inputs": [{"name": "texts", "shape": [2], "datatype": "BYTES", "data": ["good", "bad"]}]}
    assert asked(scorer, body, protocol="v2") == [
        {"outputs": [{"name": "scores", "datatype": "INT64", "shape": [2], "data": [1, 0]}]}
    ]


def test_modules_beside_it_do_not_stay(scorer, tmp_path):
    assert not {"words", "more"} & sys.modules.keys()
    assert str(tmp_path) not in sys.path


def test_two_versions_in_one_process_keep_their_own_modules(tmp_path):
    predictors = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "helper.py").write_text(f"NUMBER = {number}\n")
        (folder / "predictor.py").write_text(
            "import helper\nclass Predictor:\n    def predict(self, inputs):\n        return helper.NUMBER\n"
        )
        predictors.append(opened(folder))
    assert [asked(predictor, {"input": 0}) for predictor in predictors] == [[1], [2]]


def test_a_class_that_answers_rows_by_themselves_is_asked_together(tmp_path):
    (tmp_path / "predictor.py").write_text(ADDING)
    schema = {"fields": [{"name": "x", "type": "float64", "shape": [2]}]}
    predictor = opened(tmp_path, input_schema=schema)
    assert predictor.batchable
    assert asked(predictor, [[1, 2]], [[3, 4], [5, 6]]) == [[3.0], [7.0, 11.0]]
    assert "shape [2], and not [1]" in refused(predictor, [[1]])


def test_loading_warns_that_it_is_code(tmp_path):
    (tmp_path / "predictor.py").write_text(ADDING)
    with pytest.warns(CodeBearingWarning, match=r"loading churn/3 runs the code in predictor\.py"):
        flavour_named("predictor").load(tmp_path, ["predictor.py"], reference="churn/3")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("class Other: pass", InvalidArtifact, "needs a class Predictor"),
        (
            "class Predictor:\n    def load(self, folder):\n        raise OSError('gone')",
            InvalidArtifact,
            "OSError: gone",
        ),
        ("class Predictor:\n    def __init__(self, size): pass", InvalidArtifact, "TypeError"),
        (
            "class Predictor:\n    inputs = 'xml'\n    def predict(self, inputs): pass",
            InvalidArtifact,
            "inputs = 'xml'",
        ),
        ("class Predictor: pass", InvalidArtifact, "no predict method"),
        ("this is no Python", InvalidArtifact, "SyntaxError"),
        ("import a_package_of_nobody.part", MissingExtra, "needs the package 'a_package_of_nobody'"),
    ],
)
def test_a_class_that_cannot_be_loaded_is_refused_with_the_reason(source, error, message, tmp_path):
    (tmp_path / "predictor.py").write_text(source)
    with pytest.raises(error, match=message):
        opened(tmp_path)
    assert str(tmp_path) not in sys.path


def test_an_object_is_never_written_as_source(tmp_path):
    with pytest.raises(InvalidArtifact, match=r"register a folder with predictor\.py"):
        flavour_named("predictor").save(object(), tmp_path)


def test_the_file_has_to_be_there(tmp_path):
    with warnings.catch_warnings(), pytest.raises(InvalidArtifact, match=r"no file predictor\.py"):
        flavour_named("predictor").load(tmp_path, ["a.txt"], reference="m/1")
