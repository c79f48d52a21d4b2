"""A stack with monitoring, as a person on call meets it: its Prometheus' answers, and the commands of the runbooks."""

from __future__ import annotations

import base64
import contextlib
import json
import shlex
import ssl
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import docker

from infra.components.monitoring_container import USER
from infra.connections import Platform
from tests.end_to_end.conftest import Stack
from tests.support import runbooks, webhook


class Watched:
    """A stack with monitoring, as somebody sees it who knows Prometheus' password."""

    def __init__(self, stack: Stack, receiver: webhook.Receiver) -> None:
        self.stack, self.receiver = stack, receiver
        self.platform: Platform = stack.platform()
        self.host, self.port = self.platform.endpoints["prometheus"].address()

    def get(self, path: str, password: str | None = None, scheme: str = "https") -> Any:
        request = urllib.request.Request(f"{scheme}://{self.host}:{self.port}{path}")
        if password is not None:
            request.add_header("Authorization", f"Basic {base64.b64encode(f'{USER}:{password}'.encode()).decode()}")
        context = ssl.create_default_context(cafile=str(self.platform.ca_file))
        with urllib.request.urlopen(request, context=context if scheme == "https" else None, timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, query: str) -> dict[str, float]:
        """The values of an instant query, by their labels."""
        found = self.get(f"/api/v1/query?query={urllib.parse.quote(query)}", self.platform.monitoring_password)["result"]
        return {json.dumps(each["metric"], sort_keys=True): float(each["value"][1]) for each in found}


@contextlib.contextmanager
def watching(stack: Stack) -> Iterator[Watched]:
    """Turn monitoring on, with a receiver that hears of RedisDown, and off again."""
    network = docker.from_env().networks.get(f"christmas-{stack.name}-network")
    with webhook.receiving(network.attrs["IPAM"]["Config"][0]["Gateway"]) as receiver:
        stack.pulumi("config", "set", "christmas:monitoring", "true")
        stack.pulumi("config", "set", "--secret", "christmas:alertmanager", given=receiver.configuration("RedisDown"))
        try:
            stack.invoke("up")
            yield Watched(stack, receiver)
        finally:
            for name in ("monitoring", "alertmanager"):
                stack.pulumi("config", "rm", f"christmas:{name}")
            stack.invoke("up")


def firing(watched: Watched, alert: str) -> dict[str, str] | None:
    """The labels of that alert where it fires."""
    alerts = watched.get("/api/v1/alerts", watched.platform.monitoring_password)["alerts"]
    return next((each["labels"] for each in alerts if each["labels"]["alertname"] == alert and each["state"] == "firing"), None)


def run_of(watched: Watched, line: str) -> int:
    """The exit code of a page's command, for this stack."""
    program, *words = shlex.split(line.replace("christmas-dev-", f"christmas-{watched.stack.name}-"))
    done = (
        watched.stack.invoke(*words, check=False)
        if program == "invoke"
        else subprocess.run([program, *words], capture_output=True, text=True, check=False)
    )
    assert "Traceback" not in done.stdout + done.stderr, line
    return done.returncode


def carry_out(watched: Watched, alert: str, part: str) -> list[int]:
    """Run the commands of a part of the alert's page; their exit codes."""
    lines = runbooks.commands(alert, part)
    assert lines, f"{alert}: no command under {part}"
    return [run_of(watched, line) for line in lines]
