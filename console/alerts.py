"""The alerts of a stack's Prometheus: what fires, what is about to, and the next command of each."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import terminal
from core.errors import PlatformError
from core.patience import patience
from core.terminal import json_text
from infra import connections
from infra.components.monitoring_container import USER
from infra.connections import Platform
from monitor.render import COLOURS
from monitor.result import Status, severity

_ENDPOINT = "prometheus"
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert; `pending` where it does not fire yet. `where` has the labels that tell it from others of its name."""

    name: str
    status: Status
    pending: bool
    summary: str
    next_step: str
    runbook: str
    where: str

    def as_dict(self) -> dict[str, Any]:
        """The alert as `--json` shows it."""
        return {
            "name": self.name,
            "status": str(self.status),
            "pending": self.pending,
            "summary": self.summary,
            "next_step": self.next_step,
            "runbook": self.runbook,
            "where": self.where,
        }


def show(stack: str, *, as_json: bool) -> int:
    """Print the alerts; returns the exit code of the worst that fires.

    Raises PlatformError where the stack has no monitoring, or its Prometheus doesn't answer.
    """
    platform = connections.load(stack)
    alerts = of(ask(platform, "/api/v1/alerts")["alerts"])
    worst = max((alert.status for alert in alerts if not alert.pending), key=severity, default=Status.OK)
    if as_json:
        document = {"stack": platform.stack, "status": str(worst), "alerts": [alert.as_dict() for alert in alerts]}
        print(json_text(document))
    else:
        print("\n".join(lines(alerts)) or f"stack {platform.stack}: no alert")
    return worst.exit_code


def of(answer: Sequence[dict[str, Any]]) -> list[Alert]:
    """The alerts of Prometheus' answer, the worst first. Pure."""
    alerts = []
    for fields in answer:
        labels, notes = fields["labels"], fields["annotations"]
        status = Status.CRITICAL if labels.get("severity") == "critical" else Status.WARNING
        others = {name: value for name, value in labels.items() if name not in {"alertname", "severity", "store"}}
        where = ", ".join(f"{name} {value}" for name, value in sorted(others.items()))
        pending = fields["state"] != "firing"
        alerts.append(
            Alert(labels["alertname"], status, pending, notes.get("summary", ""), notes.get("next", ""), notes.get("runbook", ""), where)
        )
    return sorted(alerts, key=lambda alert: (alert.pending, -severity(alert.status), alert.name, alert.where))


def lines(alerts: Sequence[Alert]) -> list[str]:
    """The alerts for people."""
    colours, width = terminal.has_colours(sys.stdout), terminal.columns()
    names = max((len(alert.name) for alert in alerts), default=0)
    shown: list[str] = []
    for alert in alerts:
        word = "pending" if alert.pending else str(alert.status)
        heads = [(word, 8, "" if alert.pending else COLOURS[alert.status]), (alert.name, names, "")]
        texts = [alert.summary, *([alert.where] if alert.where else []), f"next: {alert.next_step}; {alert.runbook}"]
        shown += terminal.entry(heads, texts, width, colours=colours)
    return shown


def ask(platform: Platform, path: str) -> Any:
    """The data of an answer of Prometheus' API. Raises PlatformError where there is none."""
    if _ENDPOINT not in platform.endpoints:
        raise PlatformError(
            what=f"stack {platform.stack} has no monitoring",
            where="its settings",
            next_step="pulumi config set christmas:monitoring true, then invoke up",
        )
    host, port = platform.endpoints[_ENDPOINT].address()
    login = base64.b64encode(f"{USER}:{platform.monitoring_password}".encode()).decode("ascii")
    request = urllib.request.Request(f"https://{host}:{port}{path}", headers={"Authorization": f"Basic {login}"})
    trusting = ssl.create_default_context(cafile=str(platform.ca_file))
    # A proxy of the environment has no business between this machine and its own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting))
    try:
        with opener.open(request, timeout=patience(_SECONDS)) as answer:
            return json.load(answer)["data"]
    except (OSError, ValueError, KeyError) as error:
        said = str(error)
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        raise PlatformError(
            what=f"Prometheus does not answer: {said}",
            where=f"{host}:{port}",
            next_step=f"invoke status --stack {platform.stack}; invoke logs monitoring --stack {platform.stack}",
        ) from error
