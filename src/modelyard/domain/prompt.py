"""Prompt templates: texts with named fields, which a request fills.

Rules
1. `{name}` is a field; a name has letters, digits and `_`, and does not begin with a digit. `{{` and `}}` stand for the
   braces themselves. Every other brace is refused when the version is registered.
2. A template is filled in one pass: braces in a value are never read as fields.
3. A text fills a field as it is; any other value is written as JSON.
4. A field that a request does not give is the caller's mistake. What a request gives beyond the fields is left aside,
   so that one request fits two versions whose prompts differ in their fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.domain.checks import check_text
from modelyard.domain.names import shown
from modelyard.errors import InvalidInput, InvalidMetadata

INPUT = "input"
"""The field that a plain input fills."""
ROLES = ("system", "user", "assistant")
MOST_MESSAGES = 100

_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A text with fields: `texts` stand around them, so there is always one more of these than of `fields`."""

    texts: tuple[str, ...]
    fields: tuple[str, ...]

    def fill(self, values: Mapping[str, Any]) -> str:
        """The text with its fields filled; each field has to be among the values."""
        filled = [self.texts[0]]
        for name, text in zip(self.fields, self.texts[1:], strict=True):
            filled += (written(values[name]), text)
        return "".join(filled)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """Messages with fields, each a role and a template; the last one is the user's."""

    messages: tuple[tuple[str, Template], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of all fields, each once, in the order in which they come."""
        return tuple(dict.fromkeys(name for _role, template in self.messages for name in template.fields))

    def fill(self, values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The messages with their fields filled, each as role and text.

        Raises:
            InvalidInput: a field has no value.
        """
        lacking = [name for name in self.fields if name not in values]
        if lacking:
            raise InvalidInput(
                f"the prompt has the field {lacking[0]!r}, and the input does not fill it",
                hint=f'send {{"input": {{{", ".join(f"{json.dumps(name)}: …" for name in self.fields)}}}}}',
                details={"fields": list(self.fields), "missing": lacking},
            )
        return [(role, template.fill(values)) for role, template in self.messages]


def template_of(field: str, value: object) -> Template:
    """The template that a text stands for; `field` is what messages call it.

    Raises:
        InvalidMetadata: it is no text, or has a brace that opens or closes no field.
    """
    text = check_text(field, value)
    texts, fields, start = [""], [], 0
    for found in _PART.finditer(text):
        texts[-1] += text[start : found.start()]
        start = found.end()
        if found[1]:
            fields.append(found[1])
            texts.append("")
        elif len(found[0]) == 1:
            raise InvalidMetadata(
                f"{field} has a single {found[0]!r} at character {found.start() + 1}",
                hint="write {name} for a field, and {{ or }} for a brace",
            )
        else:
            texts[-1] += found[0][0]
    return Template(texts=(*texts[:-1], texts[-1] + text[start:]), fields=tuple(fields))


def prompt_of(value: object) -> Prompt:
    """The prompt that a text or a list of messages stands for.

    Raises:
        InvalidMetadata: it is neither, a message is wrong, no field is in it, or the last message is not the user's.
    """
    if isinstance(value, str):
        prompt = Prompt(messages=(("user", template_of("prompt", value)),))
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        prompt = _of_messages(value)
    else:
        raise InvalidMetadata(f"prompt is {shown(value)}", hint='give a text such as "Summarise: {input}", or messages')
    if not prompt.fields:
        raise InvalidMetadata(
            "the prompt has no field, so every input would get the same answer",
            hint="write {input} where the input goes; a fixed instruction belongs into parameters.system",
        )
    return prompt


def written(value: object) -> str:
    """A value as it stands in a prompt: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _of_messages(value: Sequence[object]) -> Prompt:
    if not 1 <= len(value) <= MOST_MESSAGES:
        raise InvalidMetadata(f"prompt has {len(value)} messages", hint=f"give 1 to {MOST_MESSAGES}")
    prompt = Prompt(messages=tuple(_message(index, item) for index, item in enumerate(value)))
    if prompt.messages[-1][0] != "user":
        raise InvalidMetadata("the last message of the prompt is not the user's", hint="end it with role user")
    return prompt


def _message(index: int, value: object) -> tuple[str, Template]:
    where = f"prompt[{index}]"
    if not isinstance(value, Mapping) or set(value) != {"role", "content"}:
        raise InvalidMetadata(f"{where} is {shown(value)}", hint='a message is {"role": "user", "content": "…"}')
    if value["role"] not in ROLES:
        raise InvalidMetadata(f"{where} has the role {shown(value['role'])}", hint=f"roles are {', '.join(ROLES)}")
    return str(value["role"]), template_of(f"{where}.content", value["content"])
