"""Secrets in addresses are hidden, and nothing else is changed."""

from __future__ import annotations

import pytest

from modelyard.domain.addresses import without_secrets


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("ftp://ana:s3cret@host/models", "ftp://ana:***@host/models"),
        ("postgresql+psycopg://u:p@ss@db/x", "postgresql+psycopg://u:***@db/x"),
        ("redis://:s3cret@host", "redis://:***@host"),
        ("https://ghp_t0ken@github.com/a/b.git#sub", "https://***@github.com/a/b.git#sub"),
        (
            "https://b.s3.aws/k?X-Amz-Credential=AK&X-Amz-Signature=ab12&v=3#part",
            "https://b.s3.aws/k?X-Amz-Credential=***&X-Amz-Signature=***&v=3#part",
        ),
        ("https://a.blob/c?sv=1&sig=abc%3D", "https://a.blob/c?sv=1&sig=***"),
        ('{"uri": "mysql://u:p@h/t", "x": "a@b"}', '{"uri": "mysql://u:***@h/t", "x": "a@b"}'),
    ],
)
def test_secrets_are_hidden(given, shown):
    assert without_secrets(given) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "models:/fraud/3",
        "mlflow-artifacts:/a/b@c",
        "abfss://container@account.dfs.core.windows.net/x",
        "s3://bucket/a:b@c?version=3",
        "http://host:5000/a@b",
        "runs:/r/model",
    ],
)
def test_what_holds_no_secret_stays(text):
    assert without_secrets(text) == text
