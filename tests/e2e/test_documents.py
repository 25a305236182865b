"""The examples of the documents that modelyard was asked for by run as they are printed.

Only the import lines name modelyard, what an example takes for granted (data, fitted models, a repository) is supplied,
and where a promotion asks for evidence, the evidence is recorded first.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from components.git import commit, git, repository
from components.llm_stub import LlmStub
from components.needs import need
from components.serving import serving
from modelyard import ModelRegistry, VersionTracker, get_best_model

pytestmark = [
    # Forests are written as pickles, and say so; test_files.py looks at that.
    pytest.mark.filterwarnings("ignore::modelyard.CodeBearingWarning"),
]


class Notebook:
    """Cells that share their names, as in a notebook."""

    def __init__(self, **names: Any) -> None:
        self.names = names

    def run(self, cell: str) -> None:
        """Run the code of a cell."""
        exec(compile(dedent(cell), "<cell>", "exec"), self.names)

    def __getitem__(self, name: str) -> Any:
        return self.names[name]


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A notebook in an empty folder, with some fitted models at hand."""
    monkeypatch.chdir(tmp_path)
    rows, labels = make_classification(n_samples=60, n_features=10, random_state=1)
    models = [LogisticRegression(C=c).fit(rows, labels) for c in (0.1, 1.0)]
    return Notebook(X_new=rows[:3], model=models[0], model1=models[0], model2=models[1], get_best_model=get_best_model)


@pytest.fixture
def registry(notebook: Notebook):
    """The registry that the later examples go on with."""
    with ModelRegistry("./model_registry") as opened:
        notebook.names["registry"] = opened
        notebook.run("from modelyard import ModelStage")
        yield opened


@pytest.mark.feature("REG-01", "REG-12", "REG-16", "REG-17", "STG-04", "CMP-01", "CMP-02")
def test_quick_start(notebook, capsys):
    notebook.run("""
        from modelyard import ModelRegistry, register_sklearn_model

        # Initialize registry
        registry = ModelRegistry("./model_registry")

        # Create and train a model
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.datasets import make_classification

        X, y = make_classification(n_samples=100, n_features=10, random_state=42)
        model = RandomForestClassifier(n_estimators=10, random_state=42)
        model.fit(X, y)

        # Register model
        model_id = registry.register_model(
            model=model,
            name="my_model",
            version="1.0.0",
            description="My first registered model",
            performance_metrics={"accuracy": 0.85, "f1_score": 0.82}
        )

        print(f"Model registered with ID: {model_id}")
    """)
    assert capsys.readouterr().out == f"Model registered with ID: {notebook['model_id']}\n"
    first = notebook["model_id"]

    notebook.run("""
        # Register sklearn model
        model_id = register_sklearn_model(
            model=model,
            name="sklearn_model",
            registry_path="./model_registry",
            description="Sklearn model example",
            performance_metrics={"accuracy": 0.90}
        )

        # Get best performing model
        best_model_id = get_best_model(
            name="sklearn_model",
            metric="accuracy",
            registry_path="./model_registry"
        )
    """)
    assert notebook["best_model_id"] == notebook["model_id"] != first

    notebook.names["model_id"] = first
    notebook.run("""
        from modelyard import ModelStage

        # Promote model to staging
        registry.promote_model(
            model_id,
            ModelStage.STAGING,
            requirements={"min_accuracy": 0.80}
        )

        # Promote to production
        registry.promote_model(
            model_id,
            ModelStage.PRODUCTION,
            requirements={"min_accuracy": 0.80, "min_f1": 0.75}
        )

        # Load and use the model
        loaded_model = registry.load_model(model_id)
        predictions = loaded_model.predict(X_new)
    """)
    assert isinstance(notebook["loaded_model"], RandomForestClassifier)
    assert list(notebook["predictions"]) == list(notebook["model"].predict(notebook["X_new"]))

    notebook.run("""
        # Register two models
        id1 = registry.register_model(model1, name="model_a")
        id2 = registry.register_model(model2, name="model_b")

        # Compare models
        comparison = registry.compare_models(id1, id2)
        print(f"Winner: {comparison.winner}")
        print(f"Confidence: {comparison.confidence_score:.3f}")
    """)
    assert capsys.readouterr().out == "Winner: None\nConfidence: 0.000\n"
    registry = notebook["registry"]
    registry.update_model_metrics(notebook["id1"], {"accuracy": 0.9, "f1_score": 0.9})
    registry.update_model_metrics(notebook["id2"], {"accuracy": 0.8, "f1_score": 0.7})
    notebook.run("""
        # Compare specific metrics
        comparison = registry.compare_models(
            id1, id2,
            metrics_to_compare=["accuracy", "f1_score"]
        )
    """)
    assert notebook["comparison"].winner == notebook["id1"]
    registry.close()


@pytest.mark.feature("VER-02", "VER-03", "VER-04")
def test_versioning(notebook):
    notebook.run("""
        from modelyard import VersionTracker

        tracker = VersionTracker()

        # Parse versions
        v1 = tracker.parse_version("1.2.3")
        v2 = tracker.parse_version("1.2.4")

        # Compare versions
        assert v1 < v2  # True

        # Increment versions
        next_patch = tracker.increment_version("1.2.3", "patch")  # "1.2.4"
        next_minor = tracker.increment_version("1.2.3", "minor")  # "1.3.0"
        next_major = tracker.increment_version("1.2.3", "major")  # "2.0.0"
    """)
    assert [notebook[f"next_{part}"] for part in ("patch", "minor", "major")] == ["1.2.4", "1.3.0", "2.0.0"]


@pytest.mark.feature("VER-10", "VER-11")
def test_versions_from_git(notebook, tmp_path):
    need("git")
    work, remote = repository(tmp_path / "work"), tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(work, "remote", "add", "origin", str(remote))
    commit(work)
    git(work, "tag", "model-v1.2.2")
    commit(work, "2")
    notebook.names["tracker"] = VersionTracker(work)
    notebook.run("""
        # Generate version from git state
        version = tracker.generate_version_from_git("patch")
        # Creates: "1.2.4+abc123.dev"

        # Create git tag
        tracker.create_version_tag("model-v1.2.3", push=True)
    """)
    assert re.fullmatch(r"1\.2\.3\+[0-9a-f]+\.dev", notebook["version"])
    assert git(remote, "tag") == "model-v1.2.3"


@pytest.mark.feature("STG-01", "STG-04", "STG-05", "STG-06")
def test_promotion_workflow(notebook, registry):
    notebook.run("""
        # Register model
        model_id = registry.register_model(
            model, name="my_model", version="1.0.0"
        )
    """)
    registry.update_model_metrics(notebook["model_id"], {"accuracy": 0.9, "f1_score": 0.85})
    notebook.run("""
        # Promote to staging with requirements
        registry.promote_model(
            model_id,
            ModelStage.STAGING,
            requirements={
                "min_accuracy": 0.80,
                "validation_required": True
            }
        )
    """)
    registry.set_tags(notebook["model_id"], {"tests_passed": True, "documentation_complete": True})
    notebook.run("""
        # Promote to production
        registry.promote_model(
            model_id,
            ModelStage.PRODUCTION,
            requirements={
                "min_accuracy": 0.85,
                "min_f1": 0.80,
                "tests_passed": True,
                "documentation_complete": True
            }
        )
    """)
    assert registry.get_model("my_model/production") == notebook["model_id"]


@pytest.mark.feature("CMP-01", "REG-15")
def test_ab_testing(notebook, registry):
    for name, accuracy in (("model_a", 0.8), ("model_b", 0.9)):
        registry.register_model(notebook["model"], name, stage="staging", performance_metrics={"accuracy": accuracy})
    notebook.run("""
        # Two models in production
        model_a_id = registry.get_latest_version("model_a")
        model_b_id = registry.get_latest_version("model_b")

        # Set up A/B test (80% traffic to A, 20% to B)
        # After test period, compare performance
        comparison = registry.compare_models(model_a_id, model_b_id)

        # Promote winner
        if comparison.winner == model_b_id:
            registry.promote_model(model_b_id, ModelStage.PRODUCTION)
    """)
    assert registry.get_latest_version("model_b").stage == "production"
    assert registry.get_latest_version("model_a").stage == "staging"


@pytest.mark.feature("MET-04", "MET-05", "LIN-01")
def test_performance_tracking(notebook, registry, capsys):
    notebook.run("""
        registry.register_model(
            model,
            name="my_model",
            performance_metrics={
                "accuracy": 0.92,
                "precision": 0.89,
                "recall": 0.94,
                "f1_score": 0.91,
                "custom_metric": 0.87
            }
        )
    """)
    notebook.names["model_id"] = registry.register_model(
        notebook["model2"], "my_model", performance_metrics={"accuracy": 0.9}
    )
    notebook.run("""
        # Update metrics after retraining
        new_metrics = {
            "accuracy": 0.94,
            "f1_score": 0.93
        }
        registry.update_model_metrics(model_id, new_metrics)
    """)
    assert registry.get_model(notebook["model_id"]).metrics == {"accuracy": 0.94, "f1_score": 0.93}
    notebook.run("""
        # Get model lineage
        lineage = registry.get_model_lineage(model_id)

        # Compare versions
        for prev_model in lineage[:-1]:
            comparison = registry.compare_models(prev_model.model_id, model_id)
            print(f"Improvement: {comparison.confidence_score:.3f}")
    """)
    assert capsys.readouterr().out.startswith("Improvement: 0.")


@pytest.mark.feature("MET-01", "MET-03", "LIN-03", "VER-08", "REG-09", "REG-19")
def test_best_practices_and_troubleshooting(notebook, registry, capsys):
    notebook.run("""
        model_id = registry.register_model(
            model,
            name="fraud_detection_v1",  # Descriptive + version
            description="RFC model for credit card fraud detection"
        )
        model_id = registry.register_model(
            model, name="model"  # Gets 0.1.0
        )
        assert registry.get_model(model_id).version == "0.1.0"
        model_id = registry.register_model(
            model,
            name="medical_diagnosis",
            description="AI model for medical diagnosis",
            tags={
                "domain": "healthcare",
                "data_type": "medical_images",
                "confidentiality": "phi_compliant"
            },
            hyperparams={
                "learning_rate": 0.001,
                "batch_size": 32
            },
            data_lineage={
                "dataset": "medical_images_v2",
                "training_date": "2024-01-15",
                "preprocessing": "normalized_augmented"
            }
        )
    """)
    notebook.run("""
        # Check artifact path exists
        metadata = registry.get_model(model_id)
        if metadata.artifact_path:
            print(f"Artifact: {metadata.artifact_path}")

        # Check registry state
        stats = registry.get_registry_stats()
        print(f"Total models: {stats['total_models']}")

        # List all models with details
        models = registry.list_models(limit=10)
        for model in models:
            print(f"{model.name} v{model.version} - {model.stage.value}")
    """)
    artifact, *lines = capsys.readouterr().out.splitlines()
    assert Path(artifact.removeprefix("Artifact: ")).is_file()
    assert lines == [
        "Total models: 3", "medical_diagnosis v0.1.0 - development", "model v0.1.0 - development",
        "fraud_detection_v1 v0.1.0 - development",
    ]  # fmt: skip
    assert notebook["metadata"].hyperparams == {"learning_rate": 0.001, "batch_size": 32}
    assert notebook["metadata"].data_lineage["dataset"] == "medical_images_v2"


@pytest.mark.feature("CMP-03", "CMP-04", "MET-14", "STG-16")
def test_the_versioning_document(notebook, registry, tmp_path):
    """Its own registry's get, compare and download, by our names; its registration runs as printed."""
    (tmp_path / "model.pkl").write_bytes(b"a model")
    notebook.run("""
        # Register model
        version = registry.register_model(
            model_name='fraud-detection',
            model_path='./model.pkl',
            metrics={'accuracy': 0.95, 'auc': 0.98},
            params={'learning_rate': 0.001, 'epochs': 100},
            tags={'team': 'fraud', 'environment': 'production'}
        )

        # Load production model
        registry.update_model_stage(version, 'Staging')
        registry.update_model_stage(version, 'Production')
        model = registry.get_model('fraud-detection', stage='Production')
        path = registry.download_model('fraud-detection', model.version, './production_model.pkl')
        model = registry.get_model('models:/fraud-detection/Production')
    """)
    assert notebook["model"] == notebook["version"]
    assert notebook["path"].read_bytes() == b"a model"
    registry.register_model(
        tmp_path / "model.pkl", "fraud-detection", metrics={"accuracy": 0.97, "auc": 0.97}, params={"epochs": 50}
    )
    notebook.run("""
        m1 = registry.get_model('fraud-detection', 1)
        m2 = registry.get_model('fraud-detection', 2)
        comparison = registry.compare_models(m1, m2)
    """)
    assert notebook["comparison"].metric_changes == {"accuracy": pytest.approx(0.02), "auc": pytest.approx(-0.01)}
    assert notebook["comparison"].params_diff["epochs"] == {"a": 100, "b": 50}


@pytest.fixture
def gemini(monkeypatch):
    """Google's API, played on this machine."""
    with LlmStub() as stub:
        for name, value in stub.environ.items():
            monkeypatch.setenv(name, value)
        yield stub


REGISTRATION = """
    from modelyard import ModelRegistry

    # Initialize registry
    registry = ModelRegistry()

    # Register model
    model_id = registry.register_model('gemini', 'Google Gemini LLM')

    # Register version
    version_id = registry.register_version('gemini', '1.0.0', 'stable')

    # List versions
    versions = registry.list_versions('gemini')
"""


@pytest.mark.feature("REG-01", "REG-02", "REG-08", "VER-06", "VER-07", "VER-09")
def test_the_deployment_document(notebook):
    notebook.run(REGISTRATION)
    assert [(version.id, version.label) for version in notebook["versions"]] == [(notebook["version_id"], "stable")]
    assert notebook["registry"].describe_model("gemini").id == notebook["model_id"]
    notebook["registry"].close()
    notebook.run("""
        from modelyard import VersionManager

        manager = VersionManager()

        # Compare versions
        is_newer = manager.is_newer('1.1.0', '1.0.0')  # True

        # Check compatibility
        compatible = manager.is_compatible('1.0.0', '1.1.0')  # True (same major)

        # Get latest version
        latest = manager.get_latest_version(['1.0.0', '1.1.0', '2.0.0'])  # '2.0.0'

        # Increment version
        new_version = manager.increment_version('1.0.0', 'minor')  # '1.1.0'
    """)
    assert [notebook[name] for name in ("is_newer", "compatible", "latest", "new_version")] == [
        True,
        True,
        "2.0.0",
        "1.1.0",
    ]


@pytest.mark.feature("REG-25", "DEP-01", "DEP-02", "DEP-03", "DEP-04", "DEP-14", "RBK-01", "RBK-02", "RBK-04")
def test_the_deployment_document_deploys_and_rolls_back(notebook, gemini):
    notebook.run(REGISTRATION)
    registry = notebook["registry"]
    for version in ("1.1.0", "2.0.0"):
        registry.register_version("gemini", version)
    notebook.run("""
        from modelyard import DeploymentManager

        manager = DeploymentManager()

        # Direct deployment
        deployment_id = manager.deploy('gemini', '1.0.0', 'direct')

        # Blue-green deployment
        deployment_id = manager.deploy('gemini', '1.1.0', 'blue-green')

        # Canary deployment
        deployment_id = manager.deploy('gemini', '2.0.0', 'canary')
    """)
    assert notebook["manager"].status(notebook["deployment_id"]).weight == 0.1
    states = [record.state for record in registry.list_deployments("gemini")]
    assert states == ["STAGE", "SUCCEEDED", "SUCCEEDED"]
    answers = {registry.predict("gemini", "Explain AI in one sentence", key=str(key)).version for key in range(60)}
    assert answers == {"1.1.0", "2.0.0"}
    assert gemini.last.said == "Explain AI in one sentence"
    notebook["manager"].close()
    notebook.run("""
        from modelyard import RollbackManager

        manager = RollbackManager()

        # Rollback to previous version
        previous_version = manager.rollback_to_previous('gemini')

        # Rollback to specific version
        success = manager.rollback_to_version('gemini', '1.0.0')

        # Automatic rollback on errors
        triggered = manager.auto_rollback_on_error('gemini', error_threshold=0.1)
    """)
    assert (notebook["previous_version"], notebook["success"], notebook["triggered"]) == ("1.1.0", True, False)
    assert registry.get_endpoint("gemini").version == "1.0.0"
    notebook["manager"].close()
    registry.close()


CURLS = r"""
curl -X POST http://localhost:5000/api/models/register \
  -H "Content-Type: application/json" \
  -d '{"name": "gemini", "description": "Google Gemini LLM"}'

curl -X POST http://localhost:5000/api/models/gemini/versions/register \
  -H "Content-Type: application/json" \
  -d '{"version": "1.0.0", "status": "stable"}'

curl -X POST http://localhost:5000/api/models/gemini/deploy \
  -H "Content-Type: application/json" \
  -d '{"version": "1.0.0", "strategy": "blue-green"}'

curl -X POST http://localhost:5000/api/models/gemini/predict \
  -H "Content-Type: application/json" \
  -d '{"input": "Explain AI in one sentence"}'

curl -X POST http://localhost:5000/api/models/gemini/rollback \
  -H "Content-Type: application/json" \
  -d '{"version": "1.0.0"}'
"""


def curl(command: str, address: str) -> Any:
    """Run a curl command of a document against a server; return the JSON of its answer."""
    words = shlex.split(command.replace("http://localhost:5000", address).replace("\\\n", ""))
    done = subprocess.run([*words, "--silent", "--show-error"], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.feature("API-01", "REG-25", "DEP-01", "DEP-14", "RBK-02")
def test_the_requests_of_the_deployment_document(tmp_path, gemini):
    register, version, deploy, predict, rollback = CURLS.strip().split("\n\n")
    with serving(tmp_path / "model_registry", gemini.environ) as address, ModelRegistry(address) as registry:
        assert curl(register, address)["description"] == "Google Gemini LLM"
        assert curl(version, address)["label"] == "stable"
        begun = curl(deploy, address)
        assert (begun["version"], begun["strategy"]) == ("1.0.0", "blue-green")
        assert registry.wait_for_deployment(begun["id"], 60).state == "SUCCEEDED"
        answer = curl(predict, address)
        assert (answer["output"], answer["version"]) == ("You said: Explain AI in one sentence", "1.0.0")
        registry.register_version("gemini", "1.1.0")
        assert registry.deploy("gemini", "1.1.0", wait=60).state == "SUCCEEDED"
        assert curl(rollback, address)["endpoint"]["version"] == "1.0.0"
