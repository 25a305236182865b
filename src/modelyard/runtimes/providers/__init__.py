"""Versions that run elsewhere: LLMs of providers, and servers over HTTP.

`open_provider` makes the back end of a version from what it records. Each provider's wire format stands in a module of
its own (`openai`, `anthropic`, `gemini`), as pure functions; `llm` asks them, `http` forwards to other servers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from modelyard.domain.provider import HTTP, provider_of, target_of
from modelyard.errors import InvalidMetadata, NotDeployable
from modelyard.runtimes.backend import Backend, Runnable, Sizing
from modelyard.runtimes.providers.anthropic import Anthropic
from modelyard.runtimes.providers.gemini import Gemini
from modelyard.runtimes.providers.http import HttpBackend
from modelyard.runtimes.providers.llm import LLM, Dialect
from modelyard.runtimes.providers.openai import OpenAI

DIALECTS: Mapping[str, Dialect] = {dialect.kind: dialect for dialect in (OpenAI(), Anthropic(), Gemini())}


def open_provider(
    runnable: Runnable,
    sizing: Sizing,  # noqa: ARG001 - what runs elsewhere is sized there
    *,
    environ: Mapping[str, str] | None = None,
) -> Backend:
    """The back end of a version that runs elsewhere, not started yet.

    Args:
        runnable: the version; its `provider` says what it is.
        sizing: as for back ends that run here.
        environ: where keys and addresses are read from; the environment of this process where it is left out.

    Raises:
        NotDeployable: what the version records of its provider cannot be used.
    """
    found = os.environ if environ is None else environ
    try:
        if runnable.provider.get("kind") == HTTP:
            return HttpBackend(runnable, target_of(runnable.provider), found)
        provider = provider_of(runnable.provider)
    except InvalidMetadata as error:
        raise NotDeployable(f"{runnable.reference} cannot be run: {error.message}", hint=error.hint) from error
    return LLM(runnable, provider, DIALECTS[provider.kind], found)
