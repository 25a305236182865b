"""The changelog of a model as Markdown."""

from __future__ import annotations

import pytest

from modelyard.domain.changelog import changelog
from modelyard.domain.versions import SemVer
from modelyard.domain.wire import VersionRecord


def version(text, number, **more):
    facts = {"id": f"mv_{number}", "name": "fraud", "number": number, "stage": "development"}
    return VersionRecord(**facts, version=text, created_at="2026-03-01T12:00:00.000000Z", **more)


@pytest.mark.feature("VER-14")
def test_the_highest_version_comes_first_with_all_that_was_recorded():
    notes = {"changelog": "- more trees", "migration_notes": "Send cents.", "known_issues": "Slow on GPUs."}
    text = changelog("fraud", [version("1.9.0", 1, **notes), version("1.10.0", 2, label="beta")])
    assert text == (
        "# Changelog of fraud\n\n"
        "## 1.10.0 (2026-03-01, development, beta)\n\nNothing was recorded about what changed.\n\n"
        "## 1.9.0 (2026-03-01, development)\n\n- more trees\n\n"
        "### Migration notes\n\nSend cents.\n\n### Known issues\n\nSlow on GPUs.\n"
    )


def test_versions_above_one_only():
    versions = [version("1.0.0", 1), version("1.1.0-rc.1", 2), version("1.1.0", 3)]
    text = changelog("fraud", versions, SemVer(1, 0, 0))
    assert [line.split()[1] for line in text.splitlines() if line.startswith("## ")] == ["1.1.0", "1.1.0-rc.1"]
    assert changelog("fraud", versions, SemVer(1, 1, 0)).endswith("\n\nThere is no version since 1.1.0.\n")


def test_a_broken_promise_and_a_deprecation_are_told():
    text = changelog("fraud", [version("1.1.0", 1, allow_breaking="nobody sends it", deprecated=True)])
    assert "**Breaks callers of this line:** nobody sends it" in text
    assert "**Deprecated:** no reason was recorded" in text


def test_headings_of_users_pass_for_no_version_and_code_stays():
    own = "## 9.9.9\n#\n9.9.9\n-----\n---\n```sh\n# comment\n~~~\n```\n~~~~ text\n# kept"
    text = changelog("fraud", [version("1.0.0", 1, changelog=own)])
    body = text.split("development)\n\n")[1]
    assert body == "**9.9.9**\n\n9.9.9\n\n---\n```sh\n# comment\n~~~\n```\n~~~~ text\n# kept\n~~~~\n"


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("```\ncode\n```python\n## more", "```\ncode\n```python\n## more\n```"),
        ("``` a`b\n# x", "``` a`b\n**x**"),
        ("- a\n  ```\n<script>", "- a\n```\n<script>\n```"),
        ("<script>1 < 2</script> <!-- <https://x>", "&lt;script>1 < 2&lt;/script> &lt;!-- &lt;https://x>"),
        ("# <b>", "**&lt;b>**"),
    ],
)
def test_nothing_reaches_beyond_its_entry(own, told):
    text = changelog("fraud", [version("1.0.0", 1, changelog=own)])
    assert text.split("development)\n\n")[1] == told + "\n"


def test_a_reason_is_one_line():
    more = {"deprecated": True, "deprecation_reason": "```\nx\n```", "allow_breaking": "a\n<b>\n# c"}
    text = changelog("fraud", [version("1.0.0", 1, **more)])
    assert "**Deprecated:** ``` x ```\n" in text
    assert "**Breaks callers of this line:** a &lt;b> # c\n" in text
