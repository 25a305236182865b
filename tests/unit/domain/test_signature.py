"""The schema of inputs and outputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.signature import Field, Signature, check_schema, fields_of
from modelyard.errors import InvalidMetadata

FIELDS = st.builds(
    Field,
    name=st.text("abc", min_size=1, max_size=5),
    type=st.sampled_from(["int64", "float32", "string"]),
    shape=st.lists(st.integers(-1, 9), max_size=3).map(tuple),
    optional=st.booleans(),
)
UNIQUE = st.lists(FIELDS, max_size=4, unique_by=lambda item: item.name).map(tuple)


@given(st.builds(Signature, inputs=UNIQUE, outputs=UNIQUE))
def test_a_signature_survives_json(signature):
    assert Signature.from_json(signature.to_json()) == signature


@pytest.mark.feature("MET-08")
def test_a_mapping_of_names_to_types_is_a_schema():
    signature = Signature.from_json({"input_schema": {"age": "int64", "income": "float64"}})
    assert signature.inputs == (Field(name="age", type="int64"), Field(name="income", type="float64"))
    assert signature.outputs == ()
    assert check_schema({"fields": "int64"}) == {"fields": "int64"}
    assert fields_of({"fields": "int64"}) == (Field(name="fields", type="int64"),)


@pytest.mark.feature("EXP-03")
def test_the_own_form_may_leave_out_shape_and_optional():
    schema = {"fields": [{"name": "x", "type": "float32", "shape": [-1, 64]}, {"name": "y", "type": "int8"}]}
    assert check_schema(schema) == schema
    assert fields_of(schema) == (
        Field(name="x", type="float32", shape=(-1, 64)),
        Field(name="y", type="int8", shape=(), optional=False),
    )


def test_another_form_is_kept_without_fields():
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}}
    assert check_schema(schema) == schema
    assert fields_of(schema) == ()


@pytest.mark.parametrize(
    "schema",
    [
        [],
        "int64",
        None,
        {"x": float("nan")},
        {"fields": ["x"]},
        {"fields": [{"name": "x"}]},
        {"fields": [{"name": "", "type": "int8"}]},
        {"fields": [{"name": "x", "type": 3}]},
        {"fields": [{"name": "x", "type": "int8", "shape": 3}]},
        {"fields": [{"name": "x", "type": "int8", "shape": "3"}]},
        {"fields": [{"name": "x", "type": "int8", "shape": [-2]}]},
        {"fields": [{"name": "x", "type": "int8", "shape": [True]}]},
        {"fields": [{"name": "x", "type": "int8", "optional": "no"}]},
        {"fields": [{"name": "x", "type": "int8", "dtype": "int8"}]},
        {"fields": [{"name": "x", "type": "int8"}, {"name": "x", "type": "int16"}]},
    ],
)
def test_a_broken_schema_is_refused(schema):
    with pytest.raises(InvalidMetadata) as caught:
        check_schema(schema)
    assert caught.value.hint


@given(st.builds(Signature, inputs=UNIQUE, outputs=UNIQUE))
def test_equal_signatures_share_a_fingerprint(signature):
    again = Signature.of(signature.to_json())
    assert again.fingerprint == signature.fingerprint
    assert bool(signature.fingerprint) is bool(signature.inputs or signature.outputs)
    more = Signature(inputs=(*signature.inputs, Field(name="zz", type="int8")), outputs=signature.outputs)
    assert more.fingerprint != signature.fingerprint


def test_other_forms_have_no_fingerprint():
    assert Signature.of({"input_schema": {"type": "object", "properties": {"age": {}}}}).fingerprint == ""


@pytest.mark.feature("EXP-35")
@pytest.mark.parametrize(
    "schema", [{"$schema": "https://json-schema.org", "title": "x"}, {"$ref": "#/a"}, {"type": "object", "title": "x"}]
)
def test_a_json_schema_of_texts_is_no_names_with_types(schema):
    assert check_schema(schema) == schema
    assert fields_of(schema) == ()
