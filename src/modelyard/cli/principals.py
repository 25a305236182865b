"""Commands for who may do what: `user`, `token`, `whoami`, `can-i`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, TypeVar

import click

from modelyard.cli.lazy import tables
from modelyard.cli.session import Session, pass_session, write
from modelyard.cli.shape import Group, command
from modelyard.domain.wire import GrantRecord, IssuedToken
from modelyard.domain.wording import moment

_Function = TypeVar("_Function", bound=Callable[..., Any])
DENIED = 4
"""The exit code of a question that was answered with no; that of a denied command, too."""

_PATTERN = "a name, or its beginning and * (fraud-*); may be repeated"
_GRANT_OPTIONS = (
    click.option("--role", "roles", multiple=True, help="viewer, developer, reviewer, deployer or admin."),
    click.option("--permission", "permissions", multiple=True, metavar="WORD", help="One permission: alias.move, …"),
    click.option("--model", "models", multiple=True, metavar="PATTERN", help=f"On these models: {_PATTERN}."),
    click.option("--stage", "stages", multiple=True, metavar="PATTERN", help="Moves to these stages only."),
    click.option("--alias", "aliases", multiple=True, metavar="PATTERN", help="Moves of these aliases only."),
)


def _grant_options(function: _Function) -> _Function:
    for option in reversed(_GRANT_OPTIONS):
        function = option(function)
    return function


def _grants(
    roles: Sequence[str],
    permissions: Sequence[str],
    models: Sequence[str],
    stages: Sequence[str],
    aliases: Sequence[str],
) -> list[dict[str, str]]:
    """Return the grants that the options stand for: each role and permission on each combination of patterns."""
    allowed = [*roles, *permissions]
    if not allowed and (models or stages or aliases):
        raise click.UsageError("--model, --stage and --alias narrow a --role or a --permission; give one")
    combined = product(allowed, models or ("*",), stages or ("*",), aliases or ("*",))
    return [{"allow": allow, "model": model, "stage": stage, "alias": alias} for allow, model, stage, alias in combined]


@click.group(
    "user",
    cls=Group,
    examples=(
        "modelyard user create alice@example.com --role developer --model 'fraud-*'",
        "modelyard user list",
        "modelyard user disable alice@example.com",
    ),
)
def user() -> None:
    """Say who may do what.

    A server asks who its callers are where `auth.enabled` is set.
    """


@command(
    "create",
    "modelyard user create alice@example.com --role developer --model 'fraud-*'",
    "modelyard user create bob --permission alias.move --alias champion --model fraud",
)
@click.argument("name")
@_grant_options
@click.option("--service", is_flag=True, help="A program rather than a person.")
@pass_session
def create_user(session: Session, /, name: str, *, service: bool, **given: Any) -> None:
    """Make a user, with what it may do.

    `modelyard token create` makes the token that it comes with.
    """
    record = session.open(make=True).create_user(name, _grants(**given), kind="service" if service else "user")
    session.say(record, f"{record.kind} {record.name} may do {_told(record.grants)}", bare=record.name)


@command("list", "modelyard user list", "modelyard user list --output json")
@pass_session
def list_users(session: Session) -> None:
    """List the users and services, and what they may do."""
    records = session.open().list_users()
    rows = [
        (one.name, one.kind, "disabled" if one.disabled else "", one.tokens, _told(one.grants), moment(one.created_at))
        for one in records
    ]
    head = ("NAME", "KIND", "STATE", "TOKENS", "MAY DO", "CREATED")
    empty = "nobody yet; `modelyard user create` makes one"
    session.emit(records, lambda: tables.table(head, rows, right=("TOKENS",), empty=empty))


@command(
    "update",
    "modelyard user update alice@example.com --role deployer --role reviewer",
    "modelyard user update alice@example.com --nothing",
)
@click.argument("name")
@_grant_options
@click.option("--nothing", is_flag=True, help="Take all grants away.")
@pass_session
def update_user(session: Session, /, name: str, *, nothing: bool, **given: Any) -> None:
    """Replace what a user may do.

    The options name all that it may do from now on.
    """
    grants = _grants(**given)
    if bool(grants) == nothing:
        raise click.UsageError("give the roles or permissions that hold from now on, or --nothing")
    record = session.open().update_user(name, grants)
    session.say(record, f"{record.kind} {record.name} may do {_told(record.grants)}", bare=record.name)


@command("disable", "modelyard user disable alice@example.com")
@click.argument("name")
@pass_session
def disable(session: Session, /, name: str) -> None:
    """Refuse all tokens of a user from now on."""
    record = session.open().update_user(name, disabled=True)
    session.say(record, f"{record.name} is disabled", bare=record.name)


@command("enable", "modelyard user enable alice@example.com")
@click.argument("name")
@pass_session
def enable(session: Session, /, name: str) -> None:
    """Accept the tokens of a user again."""
    record = session.open().update_user(name, disabled=False)
    session.say(record, f"{record.name} is enabled", bare=record.name)


@click.group(
    "token",
    cls=Group,
    examples=(
        "modelyard token create ci --role developer --model fraud --expires 90d",
        "modelyard token list",
        "modelyard token rotate tk_01… --overlap 1h",
    ),
)
def token() -> None:
    """Make, rotate and revoke tokens.

    The client and the command line take theirs from MODELYARD_TOKEN.
    """


@command(
    "create",
    "modelyard token create ci --role developer --model 'fraud-*' --expires 90d",
    "modelyard --quiet token create bot --permission alias.move --alias champion > token.txt",
    "modelyard token create alice@example.com --role viewer",
)
@click.argument("name")
@_grant_options
@click.option("--expires", default="", metavar="TIME", help="When it ends: 90d, or a moment; never if left out.")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@pass_session
def create_token(session: Session, /, name: str, expires: str, description: str, **given: Any) -> None:
    """Make a token for a user or a service, and show it this once.

    Where nobody has the name, a service is made that may do what the options say. For somebody who exists, they say
    what the token may do of it; all of it where they are left out.
    """
    grants = _grants(**given)
    issued = session.open(make=True).create_token(name, grants, expires=expires, description=description)
    _show(session, issued)


@command("list", "modelyard token list", "modelyard token list ci --all --output json")
@click.argument("name", required=False, default="")
@click.option("--all", "ended", is_flag=True, help="Also those that were revoked or have expired.")
@pass_session
def list_tokens(session: Session, /, name: str, *, ended: bool) -> None:
    """List the tokens of all users, or of one; never their secrets."""
    records = session.open().list_tokens(name, ended=ended)
    rows = [
        (
            one.id,
            one.principal,
            one.state,
            "all that it may" if one.grants is None else _told(one.grants),
            moment(one.expires_at) if one.expires_at else "",
            moment(one.last_used_at) if one.last_used_at else "",
            one.description,
        )
        for one in records
    ]
    head = ("TOKEN", "OF", "STATE", "AT MOST", "EXPIRES", "LAST USED", "DESCRIPTION")
    empty = "no tokens; `modelyard token create` makes one"
    session.emit(records, lambda: tables.table(head, rows, empty=empty))


@command(
    "rotate",
    "modelyard token rotate tk_01j8z3k4m5n6p7q8r9s0t1v2w3 --overlap 1h",
    "modelyard --quiet token rotate tk_01j8z3k4m5n6p7q8r9s0t1v2w3 > token.txt",
)
@click.argument("token_id", metavar="TOKEN")
@click.option("--overlap", default="", metavar="TIME", help="How long the old one keeps working; not at all.")
@click.option("--expires", default="", metavar="TIME", help="When the new one ends; it lasts as long as the old one.")
@pass_session
def rotate(session: Session, /, token_id: str, overlap: str, expires: str) -> None:
    """Replace a token by a new one with the same rights, and show it this once.

    TOKEN is the id of the old one, not its text.
    """
    _show(session, session.open().rotate_token(token_id, overlap=overlap, expires=expires))


@command("revoke", "modelyard token revoke tk_01j8z3k4m5n6p7q8r9s0t1v2w3")
@click.argument("token_id", metavar="TOKEN")
@pass_session
def revoke(session: Session, /, token_id: str) -> None:
    """End a token at once.

    TOKEN is its id, not its text.
    """
    record = session.open().revoke_token(token_id)
    session.say(record, f"the token {record.id} of {record.principal} is revoked", bare=record.id)


@command("whoami", "modelyard --registry https://models.example.com whoami", "modelyard whoami --output json")
@pass_session
def whoami(session: Session) -> None:
    """Show who the registry takes one for, and what one may do."""
    record = session.open().whoami()
    rows = [(one.allow, one.model, one.stage, one.alias) for one in record.grants]
    proof = "by its token" if record.proven else "nobody was asked for a proof"
    session.note(f"{record.name} ({proof}){', ' if record.roles else ''}{', '.join(record.roles)}")
    head = ("PERMISSION", "MODELS", "STAGES", "ALIASES")
    session.emit(record, lambda: tables.table(head, rows, empty="nothing was granted"))


@command(
    "can-i",
    "modelyard can-i stage.move fraud --stage production",
    "modelyard can-i alias.move fraud --alias champion",
)
@click.argument("permission")
@click.argument("model", required=False, default="")
@click.option("--stage", default="", help="The stage to move to.")
@click.option("--alias", default="", help="The alias to move.")
@pass_session
def can_i(session: Session, /, permission: str, model: str, stage: str, alias: str) -> int:
    """Tell whether one may do something.

    Exit code 0 for yes, 4 for no. Without a model: whether on any.
    """
    if stage and alias:
        raise click.UsageError("--stage and --alias are targets of different permissions; give one")
    record = session.open().can_i(permission, model, stage or alias)
    session.say(record, "yes" if record.allowed else f"no: {record.reason}")
    return 0 if record.allowed else DENIED


def _show(session: Session, issued: IssuedToken) -> None:
    """Print a token: alone on standard output, where it can be piped from; what is said about it goes beside it."""
    if session.output != "table":
        session.emit(issued, tables.nothing)
        return
    write(issued.token)
    ends = f"until {moment(issued.expires_at)}" if issued.expires_at else "until it is revoked"
    session.note(f"the token {issued.id} of {issued.principal} works {ends}; it is not shown again")


def _told(grants: Sequence[GrantRecord]) -> str:
    return ", ".join(_one(grant) for grant in grants) or "nothing"


def _one(grant: GrantRecord) -> str:
    narrowed = [("", grant.model), ("stage ", grant.stage), ("alias ", grant.alias)]
    places = [f"{word}{pattern}" for word, pattern in narrowed if pattern != "*"]
    return f"{grant.allow} on {' '.join(places)}" if places else grant.allow


for _command in (create_user, list_users, update_user, disable, enable):
    user.add_command(_command)
for _command in (create_token, list_tokens, rotate, revoke):
    token.add_command(_command)
