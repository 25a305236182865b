"""The environment that is recorded with a model."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
import types

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression

from modelyard.runtimes.environment import PACKAGES, describe_environment, framework_of, version_of


def test_tells_python_the_platform_and_the_loaded_packages():
    environment = describe_environment()
    assert environment["python"] == platform.python_version()
    assert environment["platform"].startswith(platform.system())
    assert environment["packages"]["numpy"] == np.__version__
    assert environment["packages"]["scikit-learn"] == importlib.metadata.version("scikit-learn")
    assert json.loads(json.dumps(environment)) == environment


def test_names_only_what_the_process_has_loaded():
    code = "from modelyard.runtimes.environment import describe_environment as d; import numpy; print(*d()['packages'])"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["numpy"]


def test_a_module_without_a_distribution_has_no_version(monkeypatch):
    monkeypatch.setitem(sys.modules, "catboost", types.ModuleType("catboost"))
    assert version_of("catboost") == ""
    assert "catboost" not in describe_environment()["packages"]


def test_distributions_are_named_as_they_are_installed():
    assert PACKAGES["sklearn"] == "scikit-learn"


class Own(BaseEstimator):  # type: ignore[misc]
    pass


@pytest.mark.parametrize(
    ("model", "framework"),
    [(LinearRegression(), "scikit-learn"), (Own(), "scikit-learn"), ({}, "python"), (np.zeros(1), "python")],
)
def test_the_framework_is_that_of_the_nearest_ancestor(model, framework):
    name, version = framework_of(model)
    assert name == framework
    assert version == (platform.python_version() if framework == "python" else version_of(framework))


def test_a_framework_that_builds_on_scikit_learn_is_itself():
    booster = type("XGBClassifier", (BaseEstimator,), {"__module__": "xgboost.sklearn"})
    assert framework_of(booster()) == ("xgboost", "")
