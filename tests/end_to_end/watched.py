"""A stack with monitoring, as a person on call meets it: its Prometheus' answers, and the commands of the runbooks."""

from __future__ import annotations

import base64
import contextlib
import json
import shlex
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors

from infra.components.monitoring_container import DATA, USER
from infra.connections import Platform
from schedule.jobs import Job
from tests.end_to_end.conftest import Stack
from tests.support import runbooks, webhook
from tests.support.checking import until_known
from tests.support.waiting import wait_for

PATIENCE = 600
"""An alert waits for two scrapes, its rule's own minutes, and a busy machine."""


class Watched:
    """A stack with monitoring, as somebody sees it who knows Prometheus' password.

    `through` is a command that the tasks of a page are run by, where they have to see another machine than this one.
    """

    def __init__(self, stack: Stack, receiver: webhook.Receiver, through: tuple[str, ...] = ()) -> None:
        self.stack, self.receiver, self.through = stack, receiver, through
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


def forget_figures(stack: Stack) -> None:
    """Remove what an earlier Prometheus of the stack kept, and the schedule's figures that its node exporter read. It has to be off."""
    with contextlib.suppress(docker.errors.NotFound):
        docker.from_env().volumes.get(f"christmas-{stack.name}-{DATA}").remove()


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


def fires(watched: Watched, alert: str, began: float) -> dict[str, str]:
    """Wait for that alert, and say how long it took; its labels."""
    labels = wait_for(lambda: firing(watched, alert), f"{alert} fires", seconds=PATIENCE, pause=1)
    print(f"{alert} fired {time.monotonic() - began:.0f} s after the fault")
    return labels


def goes(watched: Watched, alert: str) -> None:
    """Wait until that alert fires no more."""
    began = time.monotonic()
    wait_for(lambda: firing(watched, alert) is None, f"{alert} goes", seconds=PATIENCE, pause=1)
    print(f"{alert} was gone {time.monotonic() - began:.0f} s later")


def is_over(watched: Watched, alert: str) -> None:
    """Wait until the commands under "Over" of its page say so, and the alert is gone."""
    wait_for(lambda: set(carry_out(watched, alert, "Over")) == {0}, f"{alert} is over by its page", seconds=PATIENCE, pause=1)
    goes(watched, alert)


def is_counted(watched: Watched, figure: str) -> None:
    """A counter has to have been asked for before the fault: how much it rises is what the alert goes by."""
    wait_for(lambda: watched.query(figure), f"{figure} is counted", pause=1)


def checked(watched: Watched, scratch: Path, sets: Path | None = None) -> None:
    """Run all checks and tell Prometheus, as the schedule does each quarter of an hour. `sets` is the folder of the backup sets."""
    folder = sets or scratch / "sets"
    assert Job("check", watched.stack.name, lambda _: watched.platform, folder, goes_on=False, history=scratch / "checks.jsonl").wake()


def run_of(watched: Watched, line: str) -> int:
    """The exit code of a page's command, for this stack. Whoever looks and is told that not everything could be learned looks again."""
    program, *words = shlex.split(line.replace("christmas-dev-", f"christmas-{watched.stack.name}-"))

    def run() -> subprocess.CompletedProcess[str]:
        if program == "invoke":
            done: subprocess.CompletedProcess[str] = watched.stack.invoke(*words, check=False, through=watched.through)
            return done
        return subprocess.run([program, *words], capture_output=True, text=True, check=False)

    done = until_known(run) if words[0] in {"check", "status"} else run()
    assert "Traceback" not in done.stdout + done.stderr, line
    return done.returncode


def carry_out(watched: Watched, alert: str, part: str) -> list[int]:
    """Run the commands of a part of the alert's page; their exit codes."""
    lines = runbooks.commands(alert, part)
    assert lines, f"{alert}: no command under {part}"
    return [run_of(watched, line) for line in lines]
