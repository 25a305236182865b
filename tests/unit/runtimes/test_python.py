"""Objects of any class: joblib, or pickle where joblib is missing; loading says what it runs."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import pytest

from modelyard.errors import InvalidArtifact, MissingExtra, StorageFull
from modelyard.runtimes.base import CodeBearingWarning, whole_or_nothing
from modelyard.runtimes.flavours import flavour_named, flavour_of, for_files

PYTHON = flavour_named("python")


class Rule:
    """A model of one's own."""

    _estimator_type = "classifier"

    def __init__(self, threshold):
        self.threshold = threshold

    def predict(self, rows):
        return [value > self.threshold for value in rows]


class Holder(Rule):
    """A model that holds something."""

    _estimator_type = ""


class Refuses:
    def __reduce__(self):
        raise RuntimeError("not this one")


class TooBig:
    def __setstate__(self, state):
        raise MemoryError

    def __getstate__(self):
        return {"a": 1}


class FailsOnLoad:
    def __setstate__(self, state):
        raise ZeroDivisionError("broken state")

    def __getstate__(self):
        return {"a": 1}


@pytest.mark.parametrize(
    ("missing", "file", "written"), [((), "model.joblib", "joblib"), (("joblib",), "model.pkl", "pickle")]
)
def test_an_object_comes_back_answering_the_same(tmp_path, monkeypatch, missing, file, written):
    for package in missing:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.warns(CodeBearingWarning, match=f"Rule was written as {file}: the {written} format is code"):
        saved = PYTHON.save(Rule(2), tmp_path)
    assert (saved.files, saved.format, saved.code_bearing) == ((file,), written, True)
    assert (saved.framework, saved.model_type) == ("python", "classifier")
    assert saved.class_name.endswith("test_python.Rule")
    with pytest.warns(
        CodeBearingWarning, match=rf"loading rule@champion runs the code in {file} \({written}\).*\(Rule\)"
    ):
        loaded = PYTHON.load(tmp_path, saved.files, reference="rule@champion")
    assert loaded.predict([1, 2, 3]) == [False, False, True]


def test_the_type_of_a_plain_object_is_object(tmp_path):
    with pytest.warns(CodeBearingWarning):
        assert flavour_of({"a": 1}).save({"a": 1}, tmp_path).model_type == "object"
    with pytest.warns(CodeBearingWarning):
        assert flavour_of(Holder(1)).save(Holder(1), tmp_path).model_type == "object"


@pytest.mark.parametrize(
    ("model", "reason"),
    [(Holder(threading.Lock()), "lock"), (Holder(lambda: 1), "lambda"), (Refuses(), "not this one")],
)
@pytest.mark.parametrize("missing", [(), ("joblib",)])
def test_what_does_not_pickle_is_refused_with_the_reason_and_leaves_no_file(
    model, reason, missing, tmp_path, monkeypatch
):
    for package in missing:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InvalidArtifact) as caught:
        PYTHON.save(model, tmp_path)
    assert reason in caught.value.message
    assert type(model).__name__ in caught.value.details["class"]
    assert list(tmp_path.iterdir()) == []


def test_an_object_nested_too_deep_is_refused(tmp_path):
    model: list = []
    for _level in range(100_000):
        model = [model]
    with pytest.raises(InvalidArtifact, match="cannot be written"):
        PYTHON.save(model, tmp_path)


# The main program of an xdist worker has the loader of built-in modules, which Python 3.11 only prints with a warning.
@pytest.mark.filterwarnings("ignore:BuiltinImporter.module_repr:DeprecationWarning")
def test_a_class_of_the_main_program_is_warned_of(tmp_path):
    code = f"""
import sys, warnings
from pathlib import Path
from modelyard.runtimes.flavours import flavour_of
class Own: pass
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    flavour_of(Own()).save(Own(), Path({str(tmp_path)!r}))
print(caught[0].message)
"""
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "defined in __main__, so that it loads only in a program that defines it too" in shown
    with (
        pytest.warns(CodeBearingWarning),
        pytest.raises(InvalidArtifact, match=r"m/1: model\.joblib cannot be loaded.*Own"),
    ):
        PYTHON.load(tmp_path, ["model.joblib"], reference="m/1")


class TestLoading:
    def load(self, folder: Path, name: str = "m.pkl"):
        with pytest.warns(CodeBearingWarning, match="loading m/1 runs the code"):
            return for_files([name]).load(folder, [name], reference="m/1")

    def test_a_plain_pickle_loads_with_and_without_joblib(self, tmp_path, monkeypatch):
        (tmp_path / "m.pkl").write_bytes(pickle.dumps(Rule(1)))
        assert self.load(tmp_path).predict([2]) == [True]
        monkeypatch.setitem(sys.modules, "joblib", None)
        assert self.load(tmp_path).predict([2]) == [True]

    def test_a_joblib_file_under_a_pickle_name_loads(self, tmp_path):
        joblib.dump(Rule(1), tmp_path / "m.pkl", compress=("xz", 1))
        assert self.load(tmp_path).predict([2]) == [True]

    def test_a_joblib_file_needs_joblib(self, tmp_path, monkeypatch):
        joblib.dump(Rule(1), tmp_path / "m.joblib")
        monkeypatch.setitem(sys.modules, "joblib", None)
        with pytest.raises(MissingExtra, match="needs the package 'joblib'"):
            self.load(tmp_path, "m.joblib")

    @pytest.mark.parametrize("joblib_there", [True, False])
    def test_a_package_that_is_not_installed_is_named(self, tmp_path, monkeypatch, joblib_there):
        (tmp_path / "m.pkl").write_bytes(b"cno_such_package.parts\nModel\n.")
        if not joblib_there:
            monkeypatch.setitem(sys.modules, "joblib", None)
        with pytest.raises(MissingExtra) as caught:
            self.load(tmp_path)
        assert caught.value.details == {"package": "no_such_package"}
        assert caught.value.hint == "pip install no_such_package"

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "EOFError"),
            (b"no pickle at all", "which does not read as a whole pickle, cannot"),
            (pickle.dumps(Rule(1))[:-5], "which does not read as a whole pickle, cannot"),
            (b"cos\nno_such_function\n.", "AttributeError"),
            (pickle.dumps(FailsOnLoad()), "ZeroDivisionError: broken state"),
        ],
        ids=["empty", "text", "cut", "attribute", "own error"],
    )
    def test_what_fails_while_loading_is_told(self, tmp_path, data, reason):
        (tmp_path / "m.pkl").write_bytes(data)
        with pytest.raises(InvalidArtifact, match=r"m/1: m\.pkl.* cannot be loaded") as caught:
            self.load(tmp_path)
        assert reason in caught.value.message

    def test_a_lack_of_memory_is_told_as_such(self, tmp_path):
        (tmp_path / "m.pkl").write_bytes(pickle.dumps(TooBig()))
        with pytest.raises(MemoryError):
            self.load(tmp_path)

    def test_the_warning_comes_before_anything_runs(self, tmp_path):
        marker = tmp_path / "ran"
        (tmp_path / "m.pkl").write_bytes(b"cos\nmkdir\n(V" + str(marker).encode() + b"\ntR.")
        with pytest.raises(CodeBearingWarning, match=r"imports os \(mkdir\)"):
            # Warnings are errors in the tests, so that loading stops where the warning is given.
            for_files(["m.pkl"]).load(tmp_path, ["m.pkl"], reference="m/1")
        assert not marker.exists()
        self.load(tmp_path)
        assert marker.is_dir()


def test_a_full_disk_is_told_and_leaves_no_file(tmp_path):
    path = tmp_path / "model.joblib"

    def fill():
        with whole_or_nothing(path):
            path.write_bytes(b"half")
            # What the kernel answers on a full disk: /dev/full exists for this.
            with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
                full.write(b"x")

    with pytest.raises(StorageFull, match="no room is left"):
        fill()
    assert not path.exists()


def test_other_failures_of_the_disk_pass_as_they_are(tmp_path):
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        PYTHON.save(Rule(1), tmp_path / "absent")
