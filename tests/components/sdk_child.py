"""A program that `modelyard.outside.sdk` runs, and that does as it is told; a stand-in for an SDK that misbehaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from modelyard.errors import MissingExtra
from modelyard.outside import sdk

MODULE = "components.sdk_child"
FOR_EVER = 600.0


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Do what the job says."""
    what = job["do"]
    if what == "print":
        sys.stdout.write("noise\n")
        sys.stdout.flush()
        os.write(1, b"more noise\n")
    elif what == "refuse":
        raise MissingExtra("it is not here", hint="bring it")
    elif what == "fail":
        raise KeyError("odd")
    elif what == "die":
        sys.stderr.write("last words\n")
        sys.stderr.flush()
        os._exit(7)
    elif what == "hang":
        helper = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({FOR_EVER})"])
        written = Path(job["note"] + ".part")
        written.write_text(f"{os.getpid()} {helper.pid}")
        written.rename(job["note"])
        time.sleep(FOR_EVER)
    return {"folder": str(Path.cwd()), "path": sys.path[0], "said": os.environ.get("SAID", "")}


if __name__ == "__main__":
    sdk.answer(work)
