"""From what is to what shall be: the steps that are needed, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.desired import ALIAS, GRAPH, MODEL, USER, WEBHOOK, Desired, Wish
from modelyard.domain.drift import CREATE, REMOVE, UPDATE, Present, Step, steps_to


def desired(*wishes, **pruning):
    return Desired(wishes=tuple(wishes), **pruning)


@pytest.mark.feature("EXP-19")
def test_only_what_the_file_names_is_compared():
    there = {(MODEL, "a"): Present(fields={"owner": "x", "team": "t", "tags.k": "1"}, revision=7)}
    same = Wish(kind=MODEL, key="a", fields={"owner": "x", "tags.gone": None})
    assert steps_to(desired(same), there) == ()
    (step,) = steps_to(desired(Wish(kind=MODEL, key="a", fields={"owner": "y", "tags.k": None}, where=3)), there)
    assert step == Step(
        action=UPDATE, kind=MODEL, key="a", changes={"owner": ["x", "y"], "tags.k": ["1", None]}, revision=7, where=3
    )
    assert step.wanted == {"owner": "y", "tags.k": None}


def test_what_is_not_there_is_made_and_what_shall_not_be_there_goes():
    hook = Wish(kind=WEBHOOK, key="u", fields={"active": True}, secret_env="S")
    (made,) = steps_to(desired(hook), {})
    assert (made.action, made.revision, made.secret_env) == (CREATE, 0, "S")
    assert steps_to(desired(Wish(kind=MODEL, key="bare")), {})[0].action == CREATE
    gone = Wish(kind=ALIAS, key="a@c", absent=True, where=4)
    assert steps_to(desired(gone), {}) == ()
    (step,) = steps_to(desired(gone), {(ALIAS, "a@c"): Present(fields={"version": "1.0.0"}, revision=2)})
    assert step == Step(
        action=REMOVE, kind=ALIAS, key="a@c", changes={"version": ["1.0.0", None]}, revision=2, where=4
    )  # fmt: skip


def test_pruning_removes_the_rest_and_no_more():
    present = {
        (MODEL, "a"): Present(fields={"tags.k": "1", "tags.kept": "2", "owner": "x"}),
        (MODEL, "b"): Present(),
        (ALIAS, "a@old"): Present(),
        (ALIAS, "a@kept"): Present(fields={"version": "1.0.0"}),
        (ALIAS, "b@other"): Present(),
        (GRAPH, "a"): Present(),
        (GRAPH, "b"): Present(),
        (WEBHOOK, "u"): Present(),
        (USER, "ana"): Present(),
    }
    wishes = (
        Wish(kind=MODEL, key="a", fields={"tags.kept": "2"}, prune_tags=True),
        Wish(kind=ALIAS, key="a@kept", fields={"version": "1.0.0"}),
    )
    tagged = desired(*wishes, pruned_aliases=frozenset("a"), pruned_graphs=frozenset("b"), pruned=frozenset({USER}))
    steps = steps_to(tagged, present)
    assert [(step.action, step.kind, step.key) for step in steps] == [
        (REMOVE, ALIAS, "a@old"),
        (REMOVE, USER, "ana"),
        (UPDATE, MODEL, "a"),
        (REMOVE, GRAPH, "b"),
    ]
    assert steps[2].changes == {"tags.k": ["1", None]}
    everything = desired(*wishes, pruned=frozenset({MODEL, WEBHOOK}))
    assert [(step.action, step.key) for step in steps_to(everything, present)] == [
        (REMOVE, "b"), (REMOVE, "u"), (UPDATE, "a"),
    ]  # fmt: skip


def test_steps_come_in_an_order_that_works():
    wishes = [
        Wish(kind=USER, key="ana", fields={"grants": []}),
        Wish(kind=WEBHOOK, key="u", fields={"active": True}),
        Wish(kind=ALIAS, key="a@c", fields={"version": "1.0.0"}),
        Wish(kind=GRAPH, key="b", absent=True),
        Wish(kind=GRAPH, key="", fields={"document": {}}),
        Wish(kind=GRAPH, key="a", fields={"document": {}}),
        Wish(kind=MODEL, key="a", fields={"owner": "x"}),
        Wish(kind=ALIAS, key="a@gone", absent=True),
    ]
    present = {(GRAPH, "b"): Present(), (ALIAS, "a@gone"): Present(), (GRAPH, ""): Present()}
    for place in range(8):
        order = wishes[place:] + wishes[:place]
        steps = steps_to(desired(*order), present)
        assert [step.key for step in steps] == ["a@gone", "a", "a", "", "b", "a@c", "u", "ana"]


_states = st.dictionaries(
    st.tuples(st.sampled_from([MODEL, ALIAS, GRAPH, WEBHOOK, USER]), st.sampled_from(["a", "b@c", ""])),
    st.dictionaries(st.sampled_from(["owner", "tags.k", "version"]), st.none() | st.sampled_from("xy")),
)


@given(wanted=_states, there=_states, prune=st.sets(st.sampled_from([MODEL, WEBHOOK, USER])))
def test_after_the_steps_there_are_none(wanted, there, prune):
    file = desired(
        *(Wish(kind=kind, key=key, fields=fields) for (kind, key), fields in wanted.items()), pruned=frozenset(prune)
    )
    state = {place: dict(fields) for place, fields in there.items()}

    def steps():
        return steps_to(file, {place: Present(fields=fields) for place, fields in state.items()})

    for step in steps():
        if step.action == REMOVE:
            del state[step.kind, step.key]
        else:
            assert ((step.kind, step.key) in state) == (step.action == UPDATE)
            state.setdefault((step.kind, step.key), {}).update(step.wanted)
    assert steps() == ()


def test_what_is_held_is_told_and_not_removed():
    (step,) = steps_to(Desired(wishes=(), pruned=frozenset({MODEL})), {(MODEL, "a"): Present(held="it has 2 versions")})
    assert (step.action, step.blocked) == (REMOVE, "it has 2 versions")
