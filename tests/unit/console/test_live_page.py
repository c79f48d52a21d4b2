"""The live page's server: HTTPS with the stack's certificate and a password, on loopback, from looks that are made while somebody asks."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from console.report import gathered, serve
from console.report.looks import Looks, Seen
from console.report.server import EVERY_MINUTE, Server, running
from core.errors import PlatformError
from infra.connections import PageAccess
from infra.provider.certificates import issue_authority, issue_certificate
from monitor import checks, slow_statements
from monitor.exposition import Known, registry
from monitor.result import CheckResult, Status
from monitor.slow_statements import SlowStatements
from security.audit.chain import Chain
from security.audit.events import Event
from tests.support.manifests import NOON
from tests.support.waiting import wait_for

CA_KEY, CA = issue_authority("tests CA", 1)
KNOWN = Known(at=NOON, results=[CheckResult(name="redis.memory", status=Status.WARNING, message="hunter2", value=0.5, unit="share")])
PASSWORD = "a password of the tests' own"


def access(password: str = PASSWORD) -> PageAccess:
    key, certificate = issue_certificate(CA_KEY, CA, "page", ["localhost"], ["127.0.0.1"], 1)
    return PageAccess(certificate, key, password)


def look() -> Seen:
    return Seen(b"<!doctype html><p>fine</p>", registry(KNOWN))


@contextlib.contextmanager
def served(looks: Looks | None = None) -> Iterator[Server]:
    with running(Server(0, looks or Looks(look, 60), access())) as server:
        yield server


def fetched(server: Server, path: str = "/", password: str | None = PASSWORD, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text. Raises OSError where the connection itself fails."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.server_address[1], context=ssl.create_default_context(cadata=CA), timeout=30
    )
    with contextlib.closing(connection):
        if password is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(f"page:{password}".encode()).decode()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers.items()), answer.read().decode()


def test_the_page_and_the_figures_come_over_tls_with_the_password() -> None:
    with served() as server:
        status, headers, text = fetched(server)
        assert (status, text) == (200, "<!doctype html><p>fine</p>")
        assert "Refresh" not in headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert fetched(server, EVERY_MINUTE)[1]["Refresh"] == "60"
        assert fetched(server, "/etc/passwd")[0] == 404


def test_prometheus_gets_openmetrics_and_who_does_not_ask_for_it_the_older_text() -> None:
    with served() as server:
        _, headers, told = fetched(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        found = {sample.name: sample.value for family in text_string_to_metric_families(told) for sample in family.samples}
        assert (found["christmas_check_status"], found["christmas_check_value"]) == (1, 0.5)
        assert "hunter2" not in told
        assert fetched(server, "/metrics")[1]["Content-Type"].startswith("text/plain; version=")


@pytest.mark.parametrize("password", [None, "", "a wrong one", PASSWORD + "\N{HANGUL SYLLABLE GA}"])
def test_without_the_password_nothing_is_shown(password: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    with served() as server:
        for path in ("/", "/metrics", "/nowhere"):
            status, headers, text = fetched(server, path, password)
            assert (status, text) == (401, "a password is needed\n")
            assert headers["WWW-Authenticate"].startswith("Basic ")
    assert capsys.readouterr().err.count(" refused: ") == 3


def test_nothing_is_told_in_plain_text_and_another_authority_is_not_trusted() -> None:
    with served() as server:
        port = server.server_address[1]
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"HTTP" not in plain.recv(1024)
        stranger = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cadata=issue_authority("x", 1)[1]))
        with contextlib.closing(stranger), pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/")
        assert fetched(server)[0] == 200


def test_it_listens_on_loopback_alone() -> None:
    with served() as server:
        assert server.socket.getsockname()[0] == "127.0.0.1"
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", server.server_address[1]), timeout=5)


def test_a_port_that_is_taken_is_told() -> None:
    with served() as server, pytest.raises(PlatformError, match="can't be served") as refused:
        Server(server.server_address[1], Looks(look, 60), access())
    assert "--port 0" in refused.value.next_step


def test_silent_clients_delay_nobody_and_too_many_are_sent_away() -> None:
    with served() as server, contextlib.ExitStack() as opened:
        port = server.server_address[1]
        silent = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(10)]
        assert fetched(server)[0] == 200
        silent += [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(20)]
        with pytest.raises(OSError):  # noqa: PT011 - closed in the handshake, or before
            fetched(server)
        for each in silent:
            each.close()

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return fetched(server)[0] == 200
            return False

        wait_for(answers, "there is room again", pause=0.2)


def test_a_new_password_and_certificate_count_at_once() -> None:
    with served() as server:
        server.admit(access("the next one"))
        assert fetched(server)[0] == 401
        assert fetched(server, password="the next one")[0] == 200


def test_a_look_that_fails_is_told_and_the_next_one_is_shown() -> None:
    errors: list[Exception] = [PlatformError(what="there is no stack dev", where="pulumi", next_step="invoke up"), ZeroDivisionError("odd")]

    def sometimes() -> Seen:
        if errors:
            raise errors.pop(0)
        return look()

    with served(Looks(sometimes, 0.5)) as server:
        status, _, text = fetched(server)
        assert status == 503
        assert "there is no stack dev" in text or "ZeroDivisionError: odd" in text
        wait_for(lambda: fetched(server)[0] == 200, "a look works again", pause=0.2)
        assert fetched(server, "/metrics")[0] == 200


class Clock:
    """A clock that the test sets, and a count of looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0
        self.looked = threading.Condition()

    def __call__(self) -> float:
        return self.now

    def look(self) -> Seen:
        with self.looked:
            self.looks += 1
            self.looked.notify_all()
        return Seen(str(self.looks).encode())

    def came_to(self, looks: int) -> bool:
        with self.looked:
            return self.looked.wait_for(lambda: self.looks >= looks, 30)


def test_it_looks_while_somebody_asks_and_rests_while_nobody_does() -> None:
    clock = Clock()
    looks = Looks(clock.look, pause=60, clock=clock)
    thread = threading.Thread(target=looks.run, daemon=True)
    thread.start()
    try:
        assert clock.looks == 0, "nobody asked yet"
        assert looks.newest().page == b"1"
        assert looks.newest().page == b"1", "what is there of late is given at once"
        clock.now = 60
        assert looks.newest().page in (b"1", b"2"), "it was ready, and a look begins"
        assert clock.came_to(2)
        clock.now = 3600
        assert looks.newest().page == b"3", "after a long time the answer waits for a look"
    finally:
        looks.end()
        thread.join(30)
    assert not thread.is_alive()
    assert clock.looks == 3


def test_a_look_that_does_not_end_is_told_to_who_waits() -> None:
    held = threading.Event()

    def slow() -> Seen:
        held.wait(30)
        return Seen()

    looks = Looks(slow, pause=60)
    thread = threading.Thread(target=looks.run, daemon=True)
    thread.start()
    try:
        assert "did not end within 0 s" in looks.newest(patience=0.1).failure
    finally:
        held.set()
        looks.end()
        thread.join(30)
    assert not thread.is_alive()


def test_one_look_reads_the_last_day_of_the_audit_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page and the figures show the same, and a day of the audit may have a hundred thousand lines."""
    chain, now = Chain(tmp_path), datetime.now(UTC) - timedelta(minutes=1)
    ddl = Event(f"{now:%Y-%m-%dT%H:%M:%S.%f}000Z", "postgresql", "api", "10.0.0.9", "ddl: create function", "function f", "done", "1")
    with chain.adding():
        chain.add([ddl], {})
    read = Chain.events
    readings: list[Path] = []

    def counted(chain: Chain, since: datetime | None = None) -> Iterator[Event]:
        readings.append(chain.folder)
        return read(chain, since)

    platform: Any = SimpleNamespace(stack="of-a-test")
    monkeypatch.setattr(Chain, "events", counted)
    monkeypatch.setattr(gathered, "folder_of", lambda _stack: tmp_path)
    monkeypatch.setattr(checks, "run", lambda _platform: [])
    monkeypatch.setattr(slow_statements, "slowest", lambda _platform: SlowStatements(failure="not asked"))
    seen = serve.seen(platform)
    assert readings == [tmp_path]
    assert "change of schema or rights" in seen.page.decode()
    assert seen.figures is not None
    assert seen.figures.get_sample_value("christmas_audit_events", {"account": "api"}) == 1
