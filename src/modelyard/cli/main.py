"""Where the program `modelyard` starts.

The question for the version is answered before anything else is imported, because programs ask it often; everything
else goes to `modelyard.cli.app`.
"""

from __future__ import annotations

import sys
from importlib import import_module

from modelyard._version import __version__


def main() -> None:
    """Run the command that the process was started with, and end the process with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"modelyard {__version__}\n")
    else:
        import_module("modelyard.cli.app").app(sys.argv[1:])


if __name__ == "__main__":
    main()
