"""`serve`: the HTTP server."""

from __future__ import annotations

import click

from modelyard.cli.lazy import server
from modelyard.cli.session import Session, pass_session
from modelyard.cli.shape import command
from modelyard.errors import InvalidRequest


@command(
    "serve",
    "modelyard serve",
    "modelyard serve --home ./model_registry --port 5001",
    "modelyard serve --host 0.0.0.0 --insecure",
)
@click.option("--home", metavar="DIR", help="Folder of the registry.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on; 127.0.0.1 unless configured.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help="Port; 5000 unless configured, 0 for a free one."
)
@click.option("--insecure", is_flag=True, help="Listen to other machines although everyone there may do everything.")
@pass_session
def serve(session: Session, /, home: str | None, host: str | None, port: int | None, *, insecure: bool) -> None:
    """Serve a registry over HTTP until Ctrl-C or SIGTERM."""
    if session.is_remote and not home:
        raise InvalidRequest(f"{session.target} is a server already", hint="name the folder to serve with --home")
    if home and session.registry:
        raise click.UsageError("--home and --registry name the same thing; give one of them")
    settings = session.settings_of_home(home) if home else session.settings()
    server.serve(
        settings,
        host=host,
        port=port,
        insecure=insecure,
        on_ready=lambda url: session.say(
            {"url": url, "registry": str(settings.registry_folder)},
            f"serving {settings.registry_folder} on {url} (Ctrl-C ends it)",
            bare=url,
        ),
    )
