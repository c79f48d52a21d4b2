"""The client of the document store trusts the stack's CA by itself: nothing of it reaches the rest of the process, or a package index."""

from __future__ import annotations

import dataclasses
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import weaviate

from infra import clients
from infra.components.weaviate_container import ROOT_USER
from infra.connections import Platform
from tests.support.scratch import new_authority
from tests.support.weaviate_server import ScratchWeaviate

_watched: list[tuple[str, Any]] = []
_watching = False
sys.addaudithook(lambda event, arguments: _watched.append((event, arguments)) if _watching else None)


@pytest.fixture
def watched() -> Iterator[list[tuple[str, Any]]]:
    """What the interpreter tells of its doings meanwhile: a hook can't be taken away again."""
    global _watching  # noqa: PLW0603
    _watched.clear()
    _watching = True
    yield _watched
    _watching = False


@pytest.fixture
def platform(weaviate_server: ScratchWeaviate) -> Platform:
    return weaviate_server.platform


def test_it_changes_no_variable_of_the_process_and_asks_nobody_else(
    platform: Platform, watched: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Neither these authorities nor this proxy are the stack's.
    (tmp_path / "other.pem").write_bytes(new_authority().pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    watched.clear()
    with clients.weaviate_client(platform, ROOT_USER) as client:
        assert client.is_ready()
        assert client.collections.list_all() is not None
    events = [event for event, _ in watched]
    assert "socket.connect" in events
    assert "os.putenv" not in events
    assert "os.unsetenv" not in events
    asked = {arguments[0] for event, arguments in watched if event == "socket.getaddrinfo"}
    addresses = {arguments[1][0] for event, arguments in watched if event == "socket.connect" and arguments[0].family == socket.AF_INET}
    assert asked | addresses == {platform.endpoints["weaviate"].host}


def test_it_trusts_no_other_ca(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(new_authority().pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(platform.ca_file))
    with (
        pytest.raises(weaviate.exceptions.WeaviateBaseError),
        clients.weaviate_client(dataclasses.replace(platform, ca_file=stranger), ROOT_USER) as client,
    ):
        client.collections.list_all()
