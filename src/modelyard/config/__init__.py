"""Settings, declared once in the table `SETTINGS`; loading, checks, documentation and examples are read off it.

Sources, each over the one before it:

1. the defaults of the table;
2. `registry_config.yaml`: the path given, else the first one found in the working folder, in its `configs/` folder, or
   in the registry's folder;
3. `.env` in the working folder, of which only names that begin with `MODELYARD_` are read, without interpolation;
4. the environment: `database.url` is `MODELYARD_DATABASE_URL`; an empty value counts as not set;
5. explicit overrides, where `None` counts as not given.

A file may say `registry: PATH`, `database: URL` and `storage: URL` in place of the groups of these names.

Nothing is ignored in silence: an unknown name, a wrong type, a value out of range, a key given twice or two settings
that contradict each other raise `InvalidConfig` with the file and the line. Relative paths start at the working folder.
"""

from __future__ import annotations

from modelyard.config.settings import (
    FILE_NAME,
    Settings,
    cache_folder,
    database_url,
    load,
    load_from_process,
    store_url,
)
from modelyard.config.table import OTHER_VARIABLES, SETTINGS, Setting, Value
from modelyard.config.texts import Row, describe, document, env_example

__all__ = [
    "FILE_NAME",
    "OTHER_VARIABLES",
    "SETTINGS",
    "Row",
    "Setting",
    "Settings",
    "Value",
    "cache_folder",
    "database_url",
    "describe",
    "document",
    "env_example",
    "load",
    "load_from_process",
    "store_url",
]
