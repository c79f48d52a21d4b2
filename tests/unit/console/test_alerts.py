"""What Prometheus tells of alerts, in the order and with the words of a person on call."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path
from typing import Any

import pytest

from console.alerts import ask, lines, of
from core.errors import PlatformError
from infra.connections import Endpoint, Platform
from monitor.result import Status

NOWHERE = Platform("tests", {}, {}, Path("/nowhere/ca.pem"), {}, {}, "", "embedded", "")


def told(name: str, severity: str, state: str = "firing", **labels: str) -> dict[str, Any]:
    notes = {"summary": f"{name} is wrong", "next": "invoke status", "runbook": f"docs/runbooks/{name}.md"}
    return {"labels": {"alertname": name, "severity": severity, **labels}, "annotations": notes, "state": state}


def test_what_fires_comes_before_what_is_pending_and_the_worst_first() -> None:
    found = of(
        [
            told("B", "warning"),
            told("P", "critical", "pending"),
            told("CheckCritical", "critical", check="redis.memory", job="node"),
            told("A", "critical", store="redis"),
        ]
    )
    assert [each.name for each in found] == ["A", "CheckCritical", "B", "P"]
    assert [each.status for each in found] == [Status.CRITICAL, Status.CRITICAL, Status.WARNING, Status.CRITICAL]
    assert (found[0].where, found[1].where) == ("", "check redis.memory, job node")
    text = "\n".join(lines(found))
    assert "next: invoke status; docs/runbooks/CheckCritical.md" in text
    assert text.index("pending") > text.index("warning")


def test_without_monitoring_it_says_how_to_turn_it_on() -> None:
    with pytest.raises(PlatformError, match="has no monitoring") as refused:
        ask(NOWHERE, "/api/v1/alerts")
    assert "christmas:monitoring true" in refused.value.next_step


def test_a_prometheus_that_does_not_answer_is_told(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        at = Endpoint("127.0.0.1", taken.getsockname()[1], "monitoring", 9090)
        platform = dataclasses.replace(NOWHERE, endpoints={"prometheus": at}, ca_file=_some_authority(authority))
        with pytest.raises(PlatformError, match="does not answer"):
            ask(platform, "/api/v1/alerts")


def _some_authority(path: Path) -> Path:
    from tests.support import scratch

    path.write_bytes(scratch.new_authority().pem)
    return path
