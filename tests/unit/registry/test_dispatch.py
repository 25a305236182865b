"""The operations table and the use cases that serve it: each row once, complete, and true to its request."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields, is_dataclass
from inspect import signature
from typing import get_type_hints

import pytest

import modelyard.bootstrap
from modelyard.domain.permissions import SELF
from modelyard.domain.wire import Resolved
from modelyard.operations import BY_NAME, IF_MATCH, PROMOTE, RESOLVE, TABLE, Named, Operation
from modelyard.registry.context import Context, Yard
from modelyard.registry.dispatch import SERVED, fingerprint, serves

ASKING = {"verify", "check_gates", "next_version"}
ROWS = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
PERMISSION = re.compile(r"[a-z]+\.[a-z]+")
MAKING = {"create", "deploy", "register", "report", "request", "silence", "take"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def names(row: Operation) -> set[str]:
    return {item.name for item in fields(row.request)}


def test_every_row_is_served_and_nothing_else():
    assert modelyard.bootstrap.USE_CASES
    assert set(SERVED) == {row.name for row in TABLE}


def test_no_use_case_serves_two_rows():
    assert [case for case, count in Counter(SERVED.values()).items() if count > 1] == []


def test_a_second_use_case_for_a_row_is_refused():
    present = SERVED["resolve"]
    with pytest.raises(AssertionError, match="two use cases serve resolve"):

        @serves(RESOLVE)
        def again(context: Context, request: Named) -> Resolved:
            raise NotImplementedError

    assert SERVED["resolve"] is present


@ROWS
def test_a_use_case_takes_and_gives_what_its_row_says(row: Operation):
    use_case = SERVED[row.name]
    hints = get_type_hints(use_case)
    subject, request, *_ = signature(use_case).parameters
    assert hints[subject] is (Yard if row.long else Context)
    assert hints[request] is row.request
    assert hints["return"] is row.response


def test_names_and_addresses_are_unique():
    assert len(BY_NAME) == len(TABLE)
    addresses = Counter((row.method, re.sub(r"\{\w+\}", "{}", row.path)) for row in TABLE)
    assert [address for address, count in addresses.items() if count > 1] == []


@ROWS
def test_a_row_is_complete(row: Operation):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row.name)
    assert PERMISSION.fullmatch(row.permission) or row.permission == SELF
    assert row.method in METHODS
    assert row.path.startswith("/api/")
    assert row.summary
    assert not row.summary.endswith(".")
    assert row.status == (201 if row.name.split("_")[0] in MAKING else 200)


@ROWS
def test_the_fields_of_a_request_travel_once(row: Operation):
    assert is_dataclass(row.request)
    assert is_dataclass(row.response)
    assert set(row.path_fields) <= names(row)
    assert len(row.path_fields) == len(set(row.path_fields))
    travels = Counter([*row.path_fields, *row.query_fields, *row.body_fields, *([IF_MATCH] if row.movable else [])])
    assert travels == Counter(names(row))
    assert set(row.required()) <= names(row)


@ROWS
def test_an_example_is_a_request(row: Operation):
    assert set(row.example) <= {*row.query_fields, *row.body_fields}
    row.request(**(dict.fromkeys(row.required(), "x") | row.example))


@ROWS
def test_reading_permissions_belong_to_reading_methods(row: Operation):
    verb = row.permission.rpartition(".")[2]
    # Who manages something also lists it; some questions are too long for a query.
    assert (verb in {"read", "export"}) == (not row.mutates) or verb in {"manage", SELF} or row.name in ASKING


def test_equal_requests_have_equal_fingerprints():
    one, same, other = (Named(reference=text) for text in ("a/1", "a/1", "a/2"))
    assert fingerprint("resolve", one) == fingerprint("resolve", same)
    assert len({fingerprint("resolve", one), fingerprint("resolve", other), fingerprint("delete", one)}) == 3
    assert re.fullmatch("[0-9a-f]{64}", fingerprint(PROMOTE.name, one))
