"""The live page of a running stack, as `invoke check.serve` shows it to a browser, and its figures as a Prometheus gets them."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from monitor import checks
from tests.end_to_end.conftest import BIN, ROOT, Stack
from tests.support.secret_values import secrets_of, shown

pytestmark = pytest.mark.exhaustive


class Page:
    """What `check.serve` printed, and what it answers."""

    def __init__(self, stack: Stack, process: subprocess.Popen[str]) -> None:
        self.said = [str(process.stdout and process.stdout.readline()) for _ in range(3)]
        self.platform = stack.platform()
        self.password = stack.outputs()["page"]["password"]
        (self.port,) = map(int, re.findall(r"https://127\.0\.0\.1:(\d+)/ ", self.said[0]))

    def fetched(self, path: str, password: str, accept: str = "*/*") -> tuple[int, str]:
        trusted = ssl.create_default_context(cafile=str(self.platform.ca_file))
        with contextlib.closing(http.client.HTTPSConnection("localhost", self.port, context=trusted, timeout=300)) as connection:
            login = base64.b64encode(f"page:{password}".encode()).decode()
            connection.request("GET", path, headers={"Authorization": f"Basic {login}", "Accept": accept})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture
def live(stack: Stack) -> Iterator[Page]:
    process = subprocess.Popen(
        [str(BIN / "invoke"), "check.serve", "--port", "0"], cwd=ROOT, env=stack.environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Page(stack, process)
    finally:
        process.send_signal(signal.SIGINT)
        with process:
            rest, _ = process.communicate(timeout=300)
    assert (process.returncode, rest) == (0, "")


def test_the_page_comes_over_tls_with_its_password_alone(live: Page, stack: Stack) -> None:
    status, text = live.fetched("/", live.password)
    assert (status, text.startswith("<!doctype html>")) == (200, True)
    assert f"Stack {stack.name}" in text
    assert "look again" in text
    assert live.fetched("/", live.platform.secret("admin", "redis"))[0] == 401
    secrets = secrets_of(json.loads(stack.pulumi("stack", "export", "--show-secrets").stdout))
    assert live.password in secrets
    assert shown(secrets, text + "".join(live.said)) == []


def test_a_prometheus_elsewhere_gets_every_check(live: Page) -> None:
    assert live.fetched("/metrics", live.password)[0] == 200
    began = time.monotonic()
    status, told = live.fetched("/metrics", live.password, "application/openmetrics-text; version=1.0.0")
    print(f"a scrape took {1000 * (time.monotonic() - began):.0f} ms")
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(told)}
    assert {sample.labels["check"] for sample in families["christmas_check_status"].samples} == {each.name for each in checks.every()}
    assert {"christmas_checks_run_timestamp_seconds", "christmas_backup_sets"} <= families.keys()
