"""Reads what an offline run of Weights & Biases holds: a program, because the SDK is no guest in a process of tests.

    python wandb_file.py run-….wandb

It prints the run's identity, config and summary, and each artifact with the bytes of its files, as JSON. A `.wandb`
file is a log in blocks of 32 KiB, each record with a header of checksum, length and kind: FULL where it is whole, and
else FIRST, MIDDLE and LAST. The records are the SDK's own protocol buffers.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

BLOCK = 1 << 15
IDENTITY = 7
"""Bytes at the beginning of the file that tell what it is."""
HEADER = struct.Struct("<IHB")
FULL, LAST = 1, 4


def records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a log."""
    assert data[:4] == b":W&B", "no file of Weights & Biases"
    place, whole = IDENTITY, b""
    while place + HEADER.size <= len(data):
        left = BLOCK - place % BLOCK
        if left < HEADER.size:
            place += left
            continue
        _checksum, length, kind = HEADER.unpack_from(data, place)
        place += HEADER.size
        whole += data[place : place + length]
        place += length
        if kind in {FULL, LAST}:
            yield whole
            whole = b""


def contents(file: Path) -> dict[str, Any]:
    """What a run's file holds."""
    # The SDK takes its time, and may be missing.
    protocol: Any = import_module("wandb.proto.wandb_internal_pb2")
    found: dict[str, Any] = {"config": {}, "summary": {}, "artifacts": []}
    for data in records(file.read_bytes()):
        record = protocol.Record.FromString(data)
        if record.HasField("run"):
            run = record.run
            found |= {"id": run.run_id, "name": run.display_name, "project": run.project, "notes": run.notes}
            found["config"] |= _values(run.config.update)
        elif record.HasField("config"):
            found["config"] |= _values(record.config.update)
        elif record.HasField("summary"):
            found["summary"] |= _values(record.summary.update)
        artifact = _artifact_of(record)
        if artifact is not None:
            found["artifacts"].append(
                {
                    "name": artifact.name,
                    "type": artifact.type,
                    "aliases": list(artifact.aliases),
                    "metadata": json.loads(artifact.metadata),
                    "files": {
                        entry.path: Path(entry.local_path).read_text("utf-8") for entry in artifact.manifest.contents
                    },
                }
            )
    return found


def _artifact_of(record: Any) -> Any:
    if record.HasField("artifact"):
        return record.artifact
    request = record.request if record.HasField("request") else None
    return request.log_artifact.artifact if request is not None and request.HasField("log_artifact") else None


def _values(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(contents(Path(sys.argv[1]))))
