"""Asks any Python object that has `predict`, or that can be called.

How it gets its input, in this order:

    it says so                     inputs = "json" | "numpy" | "pandas", an attribute of the object or its class
    the stored example's look      a table → "pandas"; records, a mapping or a text → "json"; numbers → "numpy"
    nothing is known               arrays for regular lists of numbers, all else as it was sent

Rules
- "json" is the value as it was sent; the input schema does not judge it.
- Calls are joined only if the object says `batchable = True`, takes "numpy" or "pandas", and the version has an input
  schema: only its author knows whether it answers each row by itself.
- It gets `parameters` if its method has an argument of this name.
"""

from __future__ import annotations

import inspect
from typing import Any

from modelyard.errors import InvalidArtifact, InvalidInput
from modelyard.runtimes.casting import as_array
from modelyard.runtimes.estimators import looks_like_table, methods_of
from modelyard.runtimes.runner import METHODS, PREDICT, Ask, Expected, Facts, have_pandas

_FORMS = ("json", "numpy", "pandas")


class ObjectRunner:
    """Asks one object."""

    def __init__(self, model: Any, facts: Facts, *, form: str = "") -> None:
        """Look at the model.

        Args:
            model: the object.
            facts: what is known of the version.
            form: of `inputs`, where the object says nothing; empty to go by the example.

        Raises:
            InvalidArtifact: it cannot be asked, or says what does not exist.
        """
        self._model = model
        named = any(callable(getattr(model, method, None)) for method in METHODS)
        self.methods = (PREDICT,) if callable(model) and not named else methods_of(model, facts)
        self._form = _form(getattr(model, "inputs", None), facts) or form or _by_example(facts)
        known = facts.inputs if self._form in _FORMS[1:] else ()
        self.expected = Expected(fields=known, plain=not known)
        self.rowwise = getattr(model, "batchable", False) is True and not self.expected.plain
        self._with_parameters = {method for method in self.methods if "parameters" in _arguments(self._asked(method))}
        self.takes_parameters = bool(self._with_parameters)

    def run(self, ask: Ask) -> Any:
        """Ask the object."""
        given = ask.given
        if not self.expected.plain:
            given = given.frame() if self._form == "pandas" else given.matrix()
        elif self._form != "json":
            given = _array_of_numbers(given)
        told = {"parameters": dict(ask.parameters)} if ask.method in self._with_parameters else {}
        return self._asked(ask.method)(given, **told)

    def _asked(self, method: str) -> Any:
        return getattr(self._model, method, self._model)


def _form(said: Any, facts: Facts) -> str:
    """What the object says of its inputs; an attribute `inputs` that is no text is the object's own affair."""
    if not isinstance(said, str):
        return ""
    if said not in _FORMS:
        raise InvalidArtifact(
            f"{facts.reference}: the model says inputs = {said[:100]!r}", hint=f"use one of {', '.join(_FORMS)}"
        )
    return said


def _by_example(facts: Facts) -> str:
    if looks_like_table(facts.example):
        return "pandas" if have_pandas() else "json"
    single = facts.inputs[0] if len(facts.inputs) == 1 else None
    if facts.example is None or not isinstance(facts.example, list) or single is None:
        return "json" if facts.example is not None else ""
    return "json" if isinstance(facts.example[0], dict) or single.type in {"string", "any"} else "numpy"


def _arguments(method: Any) -> set[str]:
    try:
        return set(inspect.signature(method).parameters)
    except (TypeError, ValueError):
        return set()


def _array_of_numbers(value: Any) -> Any:
    """An array where the value is regular lists of numbers, else the value."""
    if not isinstance(value, list):
        return value
    try:
        array = as_array(value)
    except InvalidInput:
        return value
    return value if array.dtype == object or not array.size else array
