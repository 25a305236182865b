"""Numbers under concurrent writers, and of versions from before signatures had a column; on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from components.crowd import together
from components.yards import open_caller
from modelyard.domain.promise import is_promised
from modelyard.domain.signature import Signature
from modelyard.domain.signature_diff import diff
from modelyard.domain.versions import SemVer
from modelyard.errors import BreakingChange
from modelyard.metadata.tables import versions
from modelyard.operations import GET_VERSION, LIST_VERSIONS, REGISTER_VERSION, RegisterVersion

SCHEMAS = [{"x": "int32"}, {"x": "int64"}, {"x": "string"}, {"x": "int32", "y": "int8"}]


def register_many(folder, url, schemas):
    with open_caller(folder, url) as caller:
        for schema in schemas:
            caller.call(REGISTER_VERSION, RegisterVersion(name="m", create=True, input_schema=schema))


def versions_of(caller):
    found = caller.call(LIST_VERSIONS, LIST_VERSIONS.request(name="m", limit=500)).versions
    return sorted(found, key=lambda version: SemVer.parse(version.version))


def broken_promises(caller):
    found = [
        (SemVer.parse(one.version), Signature.of({"input_schema": one.input_schema})) for one in versions_of(caller)
    ]
    return [
        (old.text, new.text)
        for old, before in found
        for new, after in found
        if old < new and is_promised(old, new) and diff(before, after).breaking
    ]


@pytest.mark.feature("EXP-35", "VER-17")
def test_numbers_given_at_the_same_moment_keep_their_promises(caller, database_url, tmp_path):
    orders = [SCHEMAS[place:] + SCHEMAS[:place] for place in range(3)]
    together(register_many, [(tmp_path / "registry", database_url, order) for order in orders])
    assert len(versions_of(caller)) == 12
    assert broken_promises(caller) == []


def test_a_version_without_a_stored_signature_is_judged_by_its_document(caller):
    for version, schema, reason in [("1.0.0", {"x": "int8"}, ""), ("1.1.0", {"x": "string"}, "why not")]:
        request = RegisterVersion(name="m", version=version, create=True, input_schema=schema, allow_breaking=reason)
        caller.call(REGISTER_VERSION, request)
    with caller.yard.database.write() as tx:
        tx.connection.execute(update(versions).values(signature=None))
    assert caller.call(GET_VERSION, GET_VERSION.request(reference="m/^1.0")).version == "1.0.0"
    with pytest.raises(BreakingChange):
        caller.call(REGISTER_VERSION, RegisterVersion(name="m", version="1.2.0", input_schema={"x": "int8"}))
