"""Prometheus and Alertmanager as child processes: on free ports, in folders of their own, ended by their process id."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx2
import yaml

from components.deadlines import until

SHIPPED = Path(__file__).resolve().parents[2] / "src" / "modelyard" / "watch" / "shipped"
RULES = SHIPPED / "modelyard.rules.yml"
TRIES = 3
_DURATION = re.compile(r"\b(\d+)([smh])\b")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class Daemon:
    """A program that serves HTTP and tells when it is ready.

    Args:
        command: the program and its arguments but the address to listen on.
        folder: what it prints goes to `output.txt` there.
        name: what it is called where it does not start.

    Attributes:
        client: a client of it.
        address: where it listens, as host:port.
    """

    def __init__(self, command: Sequence[str], folder: Path, name: str) -> None:
        self._output = folder / "output.txt"
        for _ in range(TRIES):
            self.address = f"127.0.0.1:{free_port()}"
            with self._output.open("wb") as output:
                self._process = subprocess.Popen(
                    [*command, f"--web.listen-address={self.address}"], stdout=output, stderr=output, cwd=folder
                )
            self.client = httpx2.Client(base_url=f"http://{self.address}", timeout=10)
            if self._is_up():
                return
            self.stop()
        raise AssertionError(f"{name} did not start: {self._output.read_text()}")

    def stop(self) -> None:
        """End it."""
        self.client.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_up(self) -> bool:
        end = time.monotonic() + 30
        while time.monotonic() < end and self._process.poll() is None:
            try:
                if self.client.get("/-/ready").is_success:
                    return True
            except httpx2.TransportError:
                pass
            time.sleep(0.02)
        return False


class Prometheus(Daemon):
    """Scrapes a server four times a second.

    Args:
        folder: an empty folder of its own.
        target: the URL of the server.
        rules: the text of a file of rules.
        alertmanager: where alerts go, as host:port.
        token: what it proves itself to the server with.
    """

    def __init__(self, folder: Path, target: str, *, rules: str = "", alertmanager: str = "", token: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        job: dict[str, Any] = {
            "job_name": "modelyard",
            "static_configs": [{"targets": [target.removeprefix("http://")]}],
        }
        if token:
            job["authorization"] = {"credentials": token}
        pace = {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms"}
        configuration: dict[str, Any] = {"global": pace, "scrape_configs": [job]}
        if rules:
            (folder / "rules.yml").write_text(rules)
            configuration["rule_files"] = ["rules.yml"]
        if alertmanager:
            configuration["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        flags = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"]
        super().__init__(["prometheus", *flags], folder, "Prometheus")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what an expression gives now; a mistake in it fails the test."""
        answer = self.client.get("/api/v1/query", params={"query": expression})
        document = answer.json()
        assert document["status"] == "success", f"{expression}: {document}"
        found: list[dict[str, Any]] = document["data"]["result"]
        return found

    def value(self, expression: str) -> float | None:
        """Return the one number that an expression gives now; None where it gives none."""
        found = self.query(expression)
        assert len(found) <= 1, f"{expression} gives {len(found)} series"
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, expression: str) -> None:
        """Wait until an expression gives something."""
        until(lambda: self.query(expression), f"a result of {expression}", 60)


class Alertmanager(Daemon):
    """Sends alerts on.

    Args:
        folder: an empty folder of its own.
        configuration: of Alertmanager, as in its file.
    """

    def __init__(self, folder: Path, configuration: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(dict(configuration)))
        flags = ["--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address="]
        super().__init__(["prometheus-alertmanager", *flags, "--log.level=warn"], folder, "Alertmanager")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hurried(rules: str, factor: int = 150) -> str:
    """Return rules with all their times divided, a second at least, so that a test need not wait for minutes."""

    def shorter(found: re.Match[str]) -> str:
        return f"{max(1, int(found[1]) * _SECONDS[found[2]] // factor)}s"

    document = yaml.safe_load(rules)
    for group in document["groups"]:
        for rule in group["rules"]:
            rule["expr"] = _DURATION.sub(shorter, rule["expr"])
            if "for" in rule:
                rule["for"] = _DURATION.sub(shorter, rule["for"])
    return yaml.safe_dump(document)
