"""Search terms: what is put into the index for a text, and what is looked up for a query.

Rules
- SQLite (FTS5, unicode61) and PostgreSQL's parser cut texts at different places. SQLite leaves a run of letters and
  digits whole; PostgreSQL gets the terms one by one, past its parser, which takes the 3e5 of "3e5a91c" for a number. So
  a term is such a run and nothing else, and both find the same.
- Case and accents do not count: NFKD, case folding, no marks. "Café" and "CAFE" are one term.
- A text gives its words, and the parts of words written in camel case: "FraudDetector" gives frauddetector, fraud and
  detector. A query gives its words only, and each is matched as a prefix: "FraudDet" and "detect" both find it.
- Every term of a query must match. A term is cut at 100 characters on both sides, as PostgreSQL drops very long ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from modelyard.domain.names import shown
from modelyard.errors import InvalidRequest

LONGEST_DOCUMENT: Final = 20_000
LONGEST_QUERY: Final = 1_000
LONGEST_TERM: Final = 100

# In a word of which every character is told as u (upper case), l (lower case) or o (neither).
_CAMEL_PARTS: Final = re.compile("u+(?!l)[^u]*|u[^u]*|[^u]+")


def terms(text: str) -> list[str]:
    """Return the terms by which `text` is found, each once, in their order."""
    return list(dict.fromkeys(term for word in _words(text) for term in _word_and_parts(word)))


def document(parts: Iterable[str]) -> str:
    """Return the text for the index: the terms of all parts, joined by spaces, whole, at most 20,000 characters.

    Args:
        parts: what is searched, the most telling first, for the end is cut off.
    """
    chosen: dict[str, None] = {}
    size = -1
    for part in parts:
        for term in terms(part[:LONGEST_DOCUMENT]):
            if term in chosen:
                continue
            size += len(term) + 1
            if size > LONGEST_DOCUMENT:
                return " ".join(chosen)
            chosen[term] = None
    return " ".join(chosen)


def query_terms(query: str) -> list[str]:
    """Return the terms of a query, each to be matched as a prefix, and all of them to be found.

    Raises:
        InvalidRequest: the query is not text, longer than 1,000 characters, or without a letter or digit.
    """
    if not isinstance(query, str):
        raise InvalidRequest(f"a query is text, and {shown(query)} is of type {type(query).__name__}")
    if len(query) > LONGEST_QUERY:
        raise InvalidRequest(f"a query has at most {LONGEST_QUERY} characters, and {shown(query)} has {len(query)}")
    found = list(dict.fromkeys(word.casefold()[:LONGEST_TERM] for word in _words(query)))
    if not found:
        raise InvalidRequest(f"the query {shown(query)} has nothing to search for", hint="use letters or digits")
    return found


def _words(text: str) -> list[str]:
    """Return the runs of letters and digits of a text, without marks and still in their case."""
    plain = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.category(c).startswith("M"))
    return "".join(character if character.isalnum() else " " for character in plain).split()


def _word_and_parts(word: str) -> list[str]:
    shape = "".join("u" if c.isupper() else "l" if c.islower() else "o" for c in word)
    parts = [word[found.start() : found.end()] for found in _CAMEL_PARTS.finditer(shape)]
    return [part.casefold()[:LONGEST_TERM] for part in (word, *parts)]
