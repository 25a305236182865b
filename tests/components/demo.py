"""What `make demo` leaves behind, made by the same programs: models compared, approved, released, rolled back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.servers import server_process
from modelyard import ModelRegistry

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STORIES = ("quickstart.py", "release.py")


@contextmanager
def demo(folder: Path) -> Iterator[ModelRegistry]:
    """Run the demo's programs in their quick form, and serve the registry that they made."""
    made = folder / "model_registry"
    for story in STORIES:
        command = [sys.executable, str(EXAMPLES / story), "--quick", "--registry-path", str(made)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=150)
        assert done.returncode == 0, done.stdout + done.stderr
    with server_process(folder, {"MODELYARD_CACHE_PATH": str(folder / "cache")}) as url, ModelRegistry(url) as registry:
        yield registry
