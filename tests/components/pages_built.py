"""A small dashboard as the build would leave it, for tests of the server that sends it."""

from __future__ import annotations

from pathlib import Path

ASSET = "index-abc12345.js"
DOCUMENT = '<!doctype html>\n<script type="module" src="/assets/index-abc12345.js"></script>\n'
SCRIPT = "export const words = 'of a script that is worth packing';\n" * 40


def build(folder: Path) -> None:
    """Write the files to a folder, and beside them what is none of anybody's business."""
    assets = folder / "assets"
    assets.mkdir(parents=True)
    (folder / "index.html").write_text(DOCUMENT, encoding="utf-8")
    (folder / "icon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    (assets / ASSET).write_text(SCRIPT, encoding="utf-8")
    (assets / "map.js.map").write_text("not for anybody", encoding="utf-8")
    (assets / "deeper").mkdir()
    (assets / "deeper" / "x.js").write_text("not for anybody", encoding="utf-8")
    (folder / ".hidden.js").write_text("not for anybody", encoding="utf-8")
    (folder.parent / "secret.txt").write_text("not for anybody", encoding="utf-8")
