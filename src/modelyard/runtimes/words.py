"""What a model raised, in words that can be sent, whatever the model made of its exceptions."""

from __future__ import annotations


def words_of(error: BaseException, longest: int) -> str:
    """The kind of an error and what it says, at most so many characters of each."""
    kind = type(error).__name__
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - the model's own code may raise anything here, too
        text = "(it cannot be put into words)"
    return sendable(f"{kind[:longest]}: {text[:longest]}")


def sendable(text: str) -> str:
    """A text without what UTF-8 has no bytes for: halves of characters, as odd file names and broken texts have."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
