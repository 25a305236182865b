"""The stub of the providers, asked by their own SDKs: what it speaks is what they read."""

from __future__ import annotations

import anthropic
import openai
import pytest
from google import genai
from google.genai.errors import ClientError, ServerError

from components.llm_stub import KEY, LlmStub

ASKED = [{"role": "user", "content": "good morning"}]
SAID = "You said: good morning"


@pytest.fixture
def stub():
    with LlmStub() as stub:
        yield stub


@pytest.fixture
def openai_client(stub):
    with openai.OpenAI(base_url=stub.environ["OPENAI_BASE_URL"], api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(stub):
    with anthropic.Anthropic(base_url=stub.environ["ANTHROPIC_BASE_URL"], api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
def gemini_client(stub):
    options = genai.types.HttpOptions(base_url=stub.environ["GEMINI_BASE_URL"])
    with genai.Client(api_key=KEY, http_options=options) as client:
        yield client


def test_openai_reads_its_answers(stub, openai_client):
    completion = openai_client.chat.completions.create(model="gpt", messages=ASKED, max_completion_tokens=5)
    assert completion.choices[0].message.content == SAID
    assert (completion.choices[0].finish_reason, completion.model) == ("stop", "gpt-2026")
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (2, 4)


def test_openai_reads_its_streams(stub, openai_client):
    chunks = list(
        openai_client.chat.completions.create(
            model="gpt", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SAID
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 6


def test_openai_reads_its_refusals(stub, openai_client):
    for mood, error in [
        ("busy", openai.RateLimitError),
        ("failing", openai.InternalServerError),
        ("refusing", openai.BadRequestError),
        ("denying", openai.AuthenticationError),
        ("hanging up", openai.APIConnectionError),
    ]:
        stub.mood = mood
        with pytest.raises(error):
            openai_client.chat.completions.create(model="gpt", messages=ASKED)
    stub.mood = "faltering"
    with pytest.raises(openai.APIError, match="in the middle"):
        list(openai_client.chat.completions.create(model="gpt", messages=ASKED, stream=True))


def test_anthropic_reads_its_answers_and_streams(stub, anthropic_client):
    message = anthropic_client.messages.create(model="claude", messages=ASKED, max_tokens=9)
    assert (message.content[0].text, message.stop_reason) == (SAID, "end_turn")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (2, 4)
    with anthropic_client.messages.stream(model="claude", messages=ASKED, max_tokens=9) as stream:
        assert "".join(stream.text_stream) == SAID
        assert stream.get_final_message().usage.output_tokens == 4


def test_anthropic_reads_its_refusals(stub, anthropic_client):
    for mood, error in [
        ("busy", anthropic.RateLimitError),
        ("overloaded", anthropic.APIStatusError),
        ("refusing", anthropic.BadRequestError),
        ("denying", anthropic.AuthenticationError),
    ]:
        stub.mood = mood
        with pytest.raises(error):
            anthropic_client.messages.create(model="claude", messages=ASKED, max_tokens=9)
    stub.mood = "faltering"
    with (
        pytest.raises(anthropic.APIStatusError, match="in the middle"),
        anthropic_client.messages.stream(model="claude", messages=ASKED, max_tokens=9) as stream,
    ):
        list(stream.text_stream)


def test_gemini_reads_its_answers_and_streams(stub, gemini_client):
    answer = gemini_client.models.generate_content(model="gemini", contents="good morning")
    assert (answer.text, answer.candidates[0].finish_reason.value) == (SAID, "STOP")
    assert (answer.usage_metadata.prompt_token_count, answer.usage_metadata.candidates_token_count) == (2, 4)
    parts = list(gemini_client.models.generate_content_stream(model="gemini", contents="good morning"))
    assert "".join(part.text for part in parts) == SAID
    assert parts[-1].usage_metadata.total_token_count == 6


def test_gemini_reads_its_refusals(stub, gemini_client):
    for mood, error in [("busy", ClientError), ("failing", ServerError), ("refusing", ClientError)]:
        stub.mood = mood
        with pytest.raises(error):
            gemini_client.models.generate_content(model="gemini", contents="good morning")
    stub.mood = "blocked"
    answer = gemini_client.models.generate_content(model="gemini", contents="good morning")
    assert answer.prompt_feedback.block_reason.value == "SAFETY"
