"""Commands for endpoints: `endpoints`, `endpoint` and `flag`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from modelyard.cli.deploying import ENVIRONMENT
from modelyard.cli.lazy import endpoint_view
from modelyard.cli.options import pairs, parse_json
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import Group, command


@command("endpoints", "modelyard endpoints", "modelyard endpoints fraud --output json")
@click.argument("name", metavar="[MODEL]", required=False)
@pass_session
def endpoints(session: Session, /, name: str | None) -> None:
    """List endpoints with what they serve."""
    records = session.open().list_endpoints(name)
    session.emit(records, lambda: endpoint_view.endpoints(records))


@command(
    "endpoint",
    "modelyard endpoint fraud",
    "modelyard endpoint fraud --set timeout_s=5 --set replicas=2",
    "modelyard endpoint fraud --set 'guard={\"max_error_rate\": 0.05}'",
    "modelyard endpoint fraud --history",
)
@click.argument("name", metavar="MODEL")
@ENVIRONMENT
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Change one setting; may be repeated.")
@click.option("--kind", type=click.Choice(["cloud", "edge"]), help="Kind of the endpoint, where it is a new one.")
@click.option("--history", is_flag=True, help="List what it served, epoch by epoch, instead.")
@pass_session
def endpoint(session: Session, /, name: str, environment: str, *, history: bool, **given: Any) -> None:
    """Show an endpoint, or say how it takes requests.

    A value is JSON, or else a text.
    """
    registry = session.open()
    if history:
        entries = registry.route_history(name, environment)
        session.emit(entries, lambda: endpoint_view.routes(entries))
        return
    settings = values_of(given["settings"])
    if settings or given["kind"]:
        record = registry.configure_endpoint(name, environment, kind=given["kind"], **settings)
    else:
        record = registry.get_endpoint(name, environment)
    session.emit(record, lambda: endpoint_view.endpoint(record))


@click.group(
    "flag",
    cls=Group,
    examples=(
        "modelyard flag set fraud beta 2.0.0 --header x-channel=beta",
        "modelyard flag set fraud early 2.0.0 --percentage 5",
        "modelyard flag list fraud",
    ),
)
def flag() -> None:
    """Give some requests one version, whatever the weights say."""


@command(
    "set",
    "modelyard flag set fraud beta 2.0.0 --header x-channel=beta",
    "modelyard flag set fraud early 2.0.0 --percentage 5",
)
@click.argument("name", metavar="MODEL")
@click.argument("flag_name", metavar="FLAG")
@click.argument("version")
@ENVIRONMENT
@click.option("--header", default="", metavar="NAME[=VALUE]", help="Only requests with this header.")
@click.option("--percentage", type=click.FloatRange(0, 100), metavar="N", help="Only this share of the keys.")
@pass_session
def set_flag(session: Session, /, name: str, flag_name: str, version: str, header: str, **given: Any) -> None:
    """Add a flag to an endpoint, or replace the one of this name."""
    wanted, _, equals = header.partition("=")
    record = session.open().set_flag(name, flag_name, version, header=wanted, equals=equals, **given)
    session.emit(record, lambda: endpoint_view.flags(record.configuration.rules))


@command("delete", "modelyard flag delete fraud beta")
@click.argument("name", metavar="MODEL")
@click.argument("flag_name", metavar="FLAG")
@ENVIRONMENT
@pass_session
def delete_flag(session: Session, /, name: str, flag_name: str, environment: str) -> None:
    """Remove a flag."""
    record = session.open().delete_flag(name, flag_name, environment=environment)
    session.say(record, f"removed the flag {flag_name} of {name} in {environment}")


@command("list", "modelyard flag list fraud")
@click.argument("name", metavar="MODEL")
@ENVIRONMENT
@pass_session
def list_flags(session: Session, /, name: str, environment: str) -> None:
    """List an endpoint's flags, the first to decide first."""
    rules = session.open().get_endpoint(name, environment).configuration.rules
    session.emit(rules, lambda: endpoint_view.flags(rules))


for _command in (set_flag, delete_flag, list_flags):
    flag.add_command(_command)


def values_of(given: Iterable[str]) -> dict[str, Any]:
    """Return `name=value` texts as a mapping, whose values are JSON, or else texts."""
    return {name: value_of(text) for name, text in pairs(given).items()}


def value_of(text: str) -> Any:
    """Return the value of a JSON text, or the text where it is none."""
    try:
        return parse_json(text, "the value")
    except ValueError:
        return text
