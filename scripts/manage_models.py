"""Another name for the command `modelyard`: `python scripts/manage_models.py list`."""

from __future__ import annotations

from modelyard.cli.main import main

if __name__ == "__main__":
    main()
