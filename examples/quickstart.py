"""A model registry in one run: real models on real data, from training to a rollback. This is `make demo`.

    python examples/quickstart.py [--registry-path DIR_OR_URL] [--clean] [--quick]

It trains scikit-learn models on the digits and the breast-cancer data that come with scikit-learn, and uses the public
API only. Running it again adds new versions to what is there; `--clean` starts over.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from modelyard import (
    CodeBearingWarning,
    GateRefused,
    IntegrityError,
    ModelNotFound,
    ModelRegistry,
    ModelStage,
    ModelyardError,
    SelfApproval,
    VersionRecord,
    VersionTracker,
)

DIGITS, CANCER = "digits", "cancer"
GATE = {"min_accuracy": 0.9, "min_f1": 0.9, "validation_required": True, "tests_passed": True}
CARDS = {
    DIGITS: """Reads a digit off an image of 8 by 8 pixels.

## Made for

Forms that were scanned straight and in grey. **Pixels go from 0 to 16**, as the scanner gives them: nothing is scaled.

| Input | Output |
|---|---|
| 64 numbers from 0 to 16 | a digit from 0 to 9 |

## Not made for

- photographs, colours, digits that touch each other
- anything that nobody looks at again where a wrong digit hurts
""",
    CANCER: "Tells benign from malignant by 30 measures of cell nuclei. An example, and no medical device.",
}
"""What people should know before they use a model, in Markdown."""
console = Console(highlight=False)


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set, split once: what models learn from, and what nobody has shown them."""

    name: str
    train: np.ndarray[Any, Any]
    held_out: np.ndarray[Any, Any]
    train_labels: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]

    @property
    def version(self) -> str:
        """A digest of the training data, as the version of the data set."""
        return sha256(self.train.tobytes()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A fitted model with what was measured of it: on held-out data, and in each fold of a cross validation."""

    title: str
    model: Any
    metrics: dict[str, float]
    folds: list[float]

    @property
    def parameters(self) -> dict[str, Any]:
        """The model's hyperparameters, those of its parts included."""
        given = self.model.get_params().items()
        return {name: value for name, value in given if isinstance(value, bool | int | float | str)}


def load(name: str) -> Data:
    """Load a data set by its model's name and split it."""
    features, labels = (load_digits if name == DIGITS else load_breast_cancer)(return_X_y=True)
    train, held_out, train_labels, test_labels = train_test_split(
        features, labels, test_size=0.3, random_state=7, stratify=labels
    )
    title = "digits" if name == DIGITS else "breast cancer"
    return Data(name=title, train=train, held_out=held_out, train_labels=train_labels, labels=test_labels)


def train(title: str, model: Any, data: Data, folds: int) -> Trained:
    """Fit a model, score it in each fold of the training data and on the held-out data."""
    scores = [float(score) for score in cross_val_score(model, data.train, data.train_labels, cv=folds)]
    model.fit(data.train, data.train_labels)
    metrics = measure(model, data)
    return Trained(title=title, model=model, metrics=metrics, folds=scores)


def measure(model: Any, data: Data) -> dict[str, float]:
    """Score a model on the held-out data."""
    predicted = model.predict(data.held_out)
    return {
        "accuracy": float(accuracy_score(data.labels, predicted)),
        "f1_score": float(f1_score(data.labels, predicted, average="macro")),
    }


def register(
    registry: ModelRegistry, name: str, trained: Trained, data: Data, parent: VersionRecord | None = None
) -> VersionRecord:
    """Register a trained model with everything that is known about it."""
    with notes():
        identifier = registry.register_model(
            trained.model,
            name=name,
            version=next_version(registry, name),
            description=trained.title,
            performance_metrics=trained.metrics,
            validation_metrics={"accuracy": sum(trained.folds) / len(trained.folds)} if trained.folds else {},
            metric_samples={"accuracy": trained.folds} if trained.folds else {},
            sample_size=len(data.labels),
            hyperparams=trained.parameters,
            training_data=f"scikit-learn {data.name}",
            data_version=data.version,
            code_version=sha256(Path(__file__).read_bytes()).hexdigest()[:12],
            parent=parent.id if parent else None,
            input_example=data.held_out[:2],
            created_by="quickstart",
            tags={"tests_passed": "true", "domain": data.name},
        )
    return registry.get_model(identifier)


def next_version(registry: ModelRegistry, name: str) -> str:
    """Return 1.0.0 for the first version, and the next minor version after that."""
    tracker = VersionTracker()
    try:
        versions = tracker.sort_versions([record.version for record in registry.list_versions(name)])
    except ModelNotFound:
        versions = []
    return tracker.increment_version(versions[-1], "minor") if versions else "1.0.0"


# ------------------------------------------------------------------------------------------------------------ chapters


def chapter_models(registry: ModelRegistry, digits: Data, cancer: Data, folds: int) -> dict[str, VersionRecord]:
    """Train and register models of different quality; return the versions by what they are."""
    chapter("1. Train and register", "Five models on two real data sets, the first one deliberately weak.")
    plans = (
        ("weak", DIGITS, "shallow tree", DecisionTreeClassifier(max_depth=3, random_state=0)),
        ("linear", DIGITS, "logistic regression", make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))),
        ("good", DIGITS, "support vectors", SVC(gamma=0.001, C=10)),
        ("screen", CANCER, "logistic regression", make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))),
        ("forest", CANCER, "random forest", RandomForestClassifier(60, random_state=0)),
    )
    made: dict[str, VersionRecord] = {}
    parents: dict[str, VersionRecord] = {}
    for key, name, title, model in plans:
        data = digits if name == DIGITS else cancer
        trained = train(title, model, data, folds)
        made[key] = parents[name] = register(registry, name, trained, data, parents.get(name))
    for name, card in CARDS.items():
        registry.update_model(name, description=card, owner="ana", team="examples")
    show_versions(list(made.values()))
    return made


def chapter_gate(registry: ModelRegistry, weak: VersionRecord, linear_one: VersionRecord) -> None:
    """Show a gate refusing a weak version and passing a good one."""
    chapter("2. A gate decides", f"To enter staging a version of {DIGITS} needs: {GATE}")
    for version in (weak, linear_one):
        try:
            promotion = registry.promote_model(version.id, ModelStage.STAGING, requirements=GATE)
        except GateRefused as refusal:
            console.print(f"{label(version)} [bold red]was refused[/]:")
            verdicts = refusal.details["verdicts"]
        else:
            console.print(f"{label(version)} [bold green]passed[/]:")
            verdicts = [asdict(verdict) for verdict in promotion.verdicts]
        rows = ((v["requirement"], str(v["required"]), str(v["actual"])[:5], tick(v["met"])) for v in verdicts)
        show(("requirement", "needs", "found", "verdict"), rows)
        if version is weak:
            console.print()


def chapter_compare(registry: ModelRegistry, pairs: Sequence[tuple[VersionRecord, VersionRecord]]) -> None:
    """Compare versions: which one is better, and how sure that is."""
    chapter("3. Which one is better?", "Accuracy, scored on the same folds, so that the differences can be resampled.")
    rows = []
    for a, b in pairs:
        outcome = registry.compare_models(a.id, b.id, metrics_to_compare=["accuracy"])
        winner = next((label(version) for version in (a, b) if version == outcome.winner), "no winner")
        change = f"{outcome.metric_changes['accuracy']:+.3f}"
        rows.append((label(a), label(b), change, winner, f"{outcome.confidence_score:.3f}", outcome.basis))
    show(("A", "B", "change", "winner", "confidence", "basis"), rows)


def chapter_production(registry: ModelRegistry, good: VersionRecord) -> None:
    """Take the better version to production, and give it a name that programs can use."""
    chapter("4. To production", "The better one goes through the same gate, and gets the alias that programs load.")
    for stage in (ModelStage.STAGING, ModelStage.PRODUCTION):
        moved = registry.promote_model(good.id, stage, requirements=GATE)
        console.print(f"{label(good)}: {moved.from_stage} -> {moved.to_stage}")
    alias = registry.set_alias(DIGITS, "champion", good.version)
    console.print(f"{DIGITS}@{alias.alias} is now {DIGITS}/{alias.version}")


def chapter_rollback(registry: ModelRegistry, digits: Data, good: VersionRecord) -> None:
    """Promote a version whose metrics look right and that fails on real input; notice it, and roll back."""
    chapter(
        "5. A release that goes wrong", "Its author scaled the pixels before training and testing. Production does not."
    )
    model = SVC(gamma=0.25, C=10).fit(digits.train / 16, digits.train_labels)
    scaled = replace(digits, train=digits.train / 16, held_out=digits.held_out / 16)
    claimed = Trained(title="vectors, scaled", model=model, metrics=measure(model, scaled), folds=[])
    broken = register(registry, DIGITS, claimed, scaled, good)
    for stage in (ModelStage.STAGING, ModelStage.PRODUCTION):
        registry.promote_model(broken.id, stage, requirements=GATE)
    console.print(
        f"{label(broken)} claims {broken.metrics['accuracy']:.3f}, passes the gate and replaces {label(good)}."
    )
    observed = score_production(registry, digits)
    console.print(f"On held-out images as they arrive, production scores [bold red]{observed:.3f}[/].")
    rolled_back = registry.rollback_model(DIGITS, reason="accuracy collapsed on unscaled images")
    registry.deprecate_model(broken.id, "expects pixels between 0 and 1")
    restored = score_production(registry, digits)
    console.print(
        f"Rolled back to {label(rolled_back.version)}: production scores [bold green]{restored:.3f}[/] again."
    )
    show_versions(registry.list_versions(DIGITS, limit=4))


def chapter_people(registry: ModelRegistry, forest: VersionRecord) -> None:
    """Promote with the consent of a second person, and ask what was live, who put it there, and on which evidence."""
    chapter(
        "6. Four eyes, and what was true when", "Nobody approves what they asked for; every answer stays on record."
    )
    for stage in (ModelStage.STAGING, ModelStage.PRODUCTION):
        asked = registry.request_promotion(forest.id, target_stage=stage, requester="ana", requirements=GATE)
        try:
            registry.approve_promotion(asked, "ana")
        except SelfApproval as refusal:
            console.print(f"ana asks for {label(forest)} in {stage}, and approves it: refused.")
            console.print(f"  {refusal.message}")
        registry.approve_promotion(asked, "bob", comment="checked the folds")
        console.print(f"bob approves, and the move is {registry.apply_promotion(asked).state}")
    then = registry.list_promotions(DIGITS, state="applied")[0].applied_at
    live = registry.who_was_live(DIGITS, then)
    if live.version is not None:
        console.print(
            f"At {then[11:19]}, {label(live.version)} was in {live.stage}; it left at {str(live.until)[11:19]}."
        )
    report = registry.verify_record()
    console.print(f"{report.events} events, each holding the hash of the one before it: sound: {tick(report.sound)}")


def chapter_bytes(registry: ModelRegistry, good: VersionRecord) -> None:
    """Download and verify; then flip one bit in a copy of the store and see it refused."""
    chapter(
        "7. The bytes are what they were", "Every file is addressed by its digest, and checked whenever it is read."
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        file = registry.download_model(good.id, f"{scratch}/")
        digest = sha256(file.read_bytes()).hexdigest()
        console.print(f"downloaded {file.name}, {good.model_size_bytes:,} bytes with SHA-256 {digest[:16]}…")
        console.print(f"the digest that was registered: {tick(digest == good.model_hash)}")
        console.print(f"read back where it is stored, and sound: {tick(not registry.verify(good.id)[0].damage)}")
        console.print(f"one bit flipped in a copy of the store: {flipped_bit(folder, file)}")


def flipped_bit(folder: Path, file: Path) -> str:
    """Put a model into a small registry of its own, flip one bit of its file, and tell what loading it says."""
    with ModelRegistry(folder / "copy") as copy, notes():
        version = copy.get_model(copy.register_model(file, name="copy"))
        digest = version.files[0].blake3
        stored = folder / "copy" / "blobs" / digest[:2] / digest[2:]
        content = bytearray(stored.read_bytes())
        content[len(content) // 2] ^= 1
        stored.chmod(0o644)
        stored.write_bytes(content)
        try:
            copy.load_model(version.id)
        except IntegrityError as error:
            return f"[bold green]refused[/]: {error.message}"
    return "[bold red]not noticed[/]"


def chapter_use(registry: ModelRegistry, digits: Data) -> None:
    """Load the champion by its alias and read some digits."""
    chapter("8. Use it", f'registry.load_model("{DIGITS}@champion") and a few images that it has never seen')
    with notes():
        model = registry.load_model(f"{DIGITS}@champion")
    images, truth = digits.held_out[:5], digits.labels[:5]
    pictures = [drawn(image) for image in images]
    for line in zip(*pictures, strict=True):
        console.print("  ".join(line), style="cyan")
    answers = (f"read {guess}, is {real}" for guess, real in zip(model.predict(images), truth, strict=True))
    console.print("  ".join(answer.center(len(pictures[0][0])) for answer in answers))


# ------------------------------------------------------------------------------------------------------------- helpers


def score_production(registry: ModelRegistry, data: Data) -> float:
    """Load whatever stands in production now, and return its accuracy on held-out data."""
    with notes():
        model = registry.load_model(f"{DIGITS}/production")
    return measure(model, data)["accuracy"]


def drawn(image: np.ndarray[Any, Any]) -> list[str]:
    """Return an 8 x 8 image as four lines of 14 characters."""
    rows = image.reshape(8, 8)
    pairs = [zip(*rows[number : number + 2], strict=True) for number in (0, 2, 4, 6)]
    return ["".join(" .:+#"[int((upper + lower) / 8)] * 2 for upper, lower in pair)[:14] for pair in pairs]


def label(version: VersionRecord) -> str:
    """Return the reference by which every command and call takes a version."""
    return f"{version.name}/{version.version}"


def tick(met: bool) -> str:  # noqa: FBT001 - a truth to print is all it takes
    """Return a truth as a coloured word."""
    return "[green]yes[/]" if met else "[red]no[/]"


def chapter(title: str, introduction: str) -> None:
    """Print the head of a chapter."""
    console.print()
    console.print(Rule(f"[bold]{title}[/]", align="left"))
    console.print(introduction, style="dim", markup=False)
    console.print()


def show(head: Sequence[str], rows: Any) -> None:
    """Print a table."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in head:
        table.add_column(name, no_wrap=True, justify="right" if name == "bytes" else "left")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console.print(table)


def show_versions(versions: Sequence[VersionRecord]) -> None:
    """Print versions with what was measured of them and where they stand."""
    rows = (
        (
            label(version),
            version.description,
            f"{version.metrics['accuracy']:.3f}",
            f"{version.model_size_bytes:,}",
            version.files[0].path.rpartition(".")[2],
            "deprecated" if version.deprecated else str(version.stage),
        )
        for version in versions
    )
    show(("version", "model", "accuracy", "bytes", "format", "stage"), rows)


@contextmanager
def notes() -> Iterator[None]:
    """Print what the library warns of, each warning once and in one line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CodeBearingWarning)
        yield
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        console.print(f"note: {message}", style="yellow", markup=False)


def clean(place: str) -> None:
    """Remove the registry of an earlier run; nothing that is not one."""
    folder = Path(place)
    if "://" in place or not folder.exists():
        return
    if not (folder / "registry.db").is_file():
        raise SystemExit(f"{folder} is no registry of an earlier run: it holds no registry.db, and stays as it is")
    shutil.rmtree(folder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the chapters, and say how to open what they leave behind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--registry-path", default="demo_registry", help="folder or URL of the registry (%(default)s)")
    parser.add_argument("--clean", action="store_true", help="remove what an earlier run left in that folder")
    parser.add_argument("--quick", action="store_true", help="two folds instead of five in the cross validations")
    options = parser.parse_args(arguments)
    if options.clean:
        clean(options.registry_path)
    digits, cancer = load(DIGITS), load(CANCER)
    with ModelRegistry(options.registry_path) as registry:
        console.print(f"The registry is [bold]{registry.address}[/].")
        made = chapter_models(registry, digits, cancer, folds=2 if options.quick else 5)
        chapter_gate(registry, made["weak"], made["linear"])
        chapter_compare(registry, [(made["linear"], made["good"]), (made["screen"], made["forest"])])
        chapter_production(registry, made["good"])
        chapter_rollback(registry, digits, made["good"])
        chapter_people(registry, made["forest"])
        chapter_bytes(registry, made["good"])
        chapter_use(registry, digits)
        close(registry)


def close(registry: ModelRegistry) -> None:
    """Print the registry in numbers, and how to open it."""
    numbers = registry.get_registry_stats()
    names = ("models", "versions", "events")
    chapter("Open what this run left behind", ", ".join(f"{numbers[f'total_{name}']} {name}" for name in names))
    console.print(f"  modelyard --registry {registry.address} list", soft_wrap=True)
    if "://" not in registry.address:
        console.print(f"  modelyard serve --home {registry.address}", soft_wrap=True)
        console.print("  then http://127.0.0.1:5000/docs in a browser, or the same commands on that URL")


if __name__ == "__main__":
    try:
        main()
    except ModelyardError as error:
        raise SystemExit(f"error: {error}") from error
