"""How signatures differ: each rule in both directions, and what holds for any two of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.element_types import canonical, relation
from modelyard.domain.signature import Field, Signature
from modelyard.domain.signature_diff import diff
from modelyard.domain.wire import Compatibility, SignatureChange

X = Field(name="x", type="int32", shape=(4, -1))
Y = Field(name="y", type="float32")

FIELDS = st.builds(
    Field,
    name=st.text("abcdef", min_size=1, max_size=2),
    type=st.sampled_from(["int32", "int64", "float32", "float64", "string", "any"]),
    shape=st.lists(st.integers(-1, 3), max_size=2).map(tuple),
    optional=st.booleans(),
)
SIDES = st.lists(FIELDS, max_size=5, unique_by=lambda item: item.name).map(tuple)
SIGNATURES = st.builds(Signature, inputs=SIDES, outputs=SIDES)


def inputs(*fields):
    return Signature(inputs=fields, outputs=(Y,))


def outputs(*fields):
    return Signature(inputs=(Y,), outputs=fields)


CHANGES = [
    # what x becomes, whether that breaks as an input, and as an output
    ("type", replace(X, type="int64"), False, True),
    ("type", replace(X, type="float64"), False, True),
    ("type", replace(X, type="int16"), True, False),
    ("type", replace(X, type="string"), True, True),
    ("shape", replace(X, shape=(-1, -1)), False, True),
    ("shape", replace(X, shape=(4, 8)), True, False),
    ("shape", replace(X, shape=(5, -1)), True, True),
    ("shape", replace(X, shape=(-1, 8)), True, True),
    ("shape", replace(X, shape=(4,)), True, True),
    ("optional", replace(X, optional=True), False, True),
]


@pytest.mark.feature("EXP-35")
@pytest.mark.parametrize(("change", "new", "as_input", "as_output"), CHANGES)
def test_a_changed_field_breaks_one_side_or_both(change, new, as_input, as_output):
    for side, breaking in ((inputs, as_input), (outputs, as_output)):
        found = diff(side(X), side(new))
        assert [(one.change, one.breaking, one.field) for one in found.changes] == [(change, breaking, "x")]
        assert found.outcome == ("breaking" if breaking else "compatible")
        assert "'x'" in found.changes[0].reason
        back = diff(side(new), side(X))
        assert [one.change for one in back.changes] == [change]
        assert back.changes[0].breaking is (not breaking or as_input is as_output)


@pytest.mark.feature("EXP-35")
def test_fields_that_come_and_go():
    more, maybe = Field(name="z", type="int8"), Field(name="z", type="int8", shape=(2,), optional=True)
    cases = [
        (diff(inputs(X), inputs(X, more)), "added", "breaking"),
        (diff(inputs(X), inputs(X, maybe)), "added", "compatible"),
        (diff(inputs(X, more), inputs(X)), "removed", "breaking"),
        (diff(inputs(X, maybe), inputs(X)), "removed", "breaking"),
        (diff(outputs(X), outputs(X, more)), "added", "compatible"),
        (diff(outputs(X, more), outputs(X)), "removed", "breaking"),
    ]
    for found, change, outcome in cases:
        assert [one.change for one in found.changes] == [change]
        assert found.outcome == outcome
    assert cases[1][0].changes[0].new == "int8 [2], optional"


def test_an_unknown_side_says_nothing_and_does_not_hide_the_other():
    assert diff(Signature(), inputs(X)).outcome == "unknown"
    found = diff(Signature(inputs=(X,)), Signature(inputs=(replace(X, type="int8"),), outputs=(Y,)))
    assert (found.outcome, found.unknown) == ("breaking", ("output",))
    assert diff(Signature(inputs=(X,)), Signature(inputs=(X,), outputs=(Y,))).outcome == "unknown"


def test_order_does_not_count_and_any_says_nothing():
    assert diff(inputs(X, Y), inputs(Y, X)).outcome == "none"
    assert diff(inputs(X), inputs(replace(X, type="any"))).outcome == "none"


@given(SIGNATURES)
def test_nothing_differs_from_itself(signature):
    found = diff(signature, signature)
    assert found.changes == ()
    assert found.outcome == ("none" if signature.inputs and signature.outputs else "unknown")


@given(SIGNATURES, SIGNATURES, SIGNATURES)
def test_a_break_is_never_lost_when_changes_are_combined(old, one, other):
    """Each of two changes is made to a signature of its own fields; both together hold the changes of both."""
    apart = [_renamed(signature, prefix) for prefix, signature in (("1", one), ("2", other))]
    both = _joined(old, *apart)
    for alone in (_joined(old, apart[0]), _joined(old, apart[1])):
        breaking = set(map(str, diff(old, alone).breaking))
        assert breaking <= set(map(str, diff(old, both).breaking))


@given(SIDES, st.data())
def test_changes_of_different_fields_add_up(fields, data):
    drawn = [data.draw(st.none() | FIELDS) for _ in fields]
    changed = [new and replace(new, name=item.name) for new, item in zip(drawn, fields, strict=True)]
    old = Signature(inputs=(*fields, Field(name="zz", type="int8")), outputs=(Y,))
    together = replace(old, inputs=tuple(c or f for f, c in zip(old.inputs, [*changed, None], strict=True)))
    breaking: list[SignatureChange] = []
    for index, new in enumerate(changed):
        if new is not None:
            single = replace(old, inputs=(*old.inputs[:index], new, *old.inputs[index + 1 :]))
            breaking += diff(old, single).breaking
    assert list(diff(old, together).breaking) == breaking


def _renamed(signature, prefix):
    return Signature(
        inputs=tuple(replace(item, name=prefix + item.name) for item in signature.inputs),
        outputs=tuple(replace(item, name=prefix + item.name) for item in signature.outputs),
    )


def _joined(*signatures):
    return Signature(
        inputs=tuple(item for signature in signatures for item in signature.inputs),
        outputs=tuple(item for signature in signatures for item in signature.outputs),
    )


NUMPY = [
    "bool",
    "int8",
    "int64",
    "uint8",
    "uint16",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


def test_types_hold_each_other_as_numpy_casts_them():
    numpy = pytest.importorskip("numpy")
    for small in NUMPY:
        for large in NUMPY:
            expected = "same" if small == large else "wider" if numpy.can_cast(small, large) else None
            found = relation(small, large)
            assert found == (expected or ("narrower" if numpy.can_cast(large, small) else "other")), (small, large)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("int", "int64", "same"),
        (" Double ", "float", "same"),
        ("str", "text", "same"),
        ("string", "bytes", "other"),
        ("datetime", "datetime", "same"),
        ("bool", "string", "other"),
        ("tensor", "int64", "other"),
        ("int64", "tensor", "other"),
        ("any", "int8", "unknown"),
        ("int8", "", "unknown"),
        ("int999", "float32", "other"),
    ],
)
def test_other_words_for_types(old, new, expected):
    assert relation(old, new) == expected
    assert canonical(canonical(old)) == canonical(old)


def test_a_compatibility_is_true_or_false_as_it_stands():
    assert Compatibility(compatible=True, reason="the same")
    assert not Compatibility(compatible=False, reason="another")
