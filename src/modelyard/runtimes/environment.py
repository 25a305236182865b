"""What a model was made with: Python, the platform, and the versions of the packages that matter to it.

Only packages that this process has already imported are named, and their versions are read from the installed metadata:
nothing is imported, no program is started.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

PACKAGES = {
    "catboost": "catboost",
    "imblearn": "imbalanced-learn",
    "jax": "jax",
    "joblib": "joblib",
    "keras": "keras",
    "lightgbm": "lightgbm",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "scipy": "scipy",
    "skl2onnx": "skl2onnx",
    "sklearn": "scikit-learn",
    "skops": "skops",
    "statsmodels": "statsmodels",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "transformers": "transformers",
    "xgboost": "xgboost",
}
"""Top-level module → distribution, of the packages whose version decides whether a model loads and what it answers."""

_FRAMEWORKS = ("torch", "tensorflow", "keras", "xgboost", "lightgbm", "catboost", "statsmodels", "sklearn")


def describe_environment() -> dict[str, Any]:
    """The environment of this process as JSON values.

    Returns:
        `{"python": "3.11.7", "implementation": "CPython", "platform": "Linux-6.1-x86_64", "packages": {…}}`, the
        packages by distribution name with their versions.
    """
    loaded = sorted({distribution for module, distribution in PACKAGES.items() if module in sys.modules})
    versions = {name: version_of(name) for name in loaded}
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": f"{platform.system()}-{platform.release()}-{platform.machine()}",
        "packages": {name: version for name, version in versions.items() if version},
    }


def version_of(distribution: str) -> str:
    """The installed version of a distribution; empty where it has none, as for a module beside the program."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def framework_of(model: object) -> tuple[str, str]:
    """The framework that a model's class descends from, and its version; Python itself where there is none.

    The nearest ancestor decides: a class of one's own under `sklearn.base.BaseEstimator` is scikit-learn's, an
    `xgboost.XGBClassifier`, which descends from both, is XGBoost's.
    """
    for ancestor in type(model).__mro__:
        root = ancestor.__module__.partition(".")[0]
        if root in _FRAMEWORKS:
            return PACKAGES[root], version_of(PACKAGES[root])
    return "python", platform.python_version()
