"""Which Docker engine and which stack are meant: the same answer for tasks and for the `pulumi` command."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from core.chosen_engine import LOCAL_SOCKET, chosen_engine
from core.errors import PlatformError


def make_context(folder: Path, name: str, host: str, *, tls: bool = False) -> None:
    """Write a Docker context as `docker context create` does."""
    key = sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}))
    if tls:
        (folder / "contexts" / "tls" / key / "docker").mkdir(parents=True)


@pytest.mark.parametrize(
    ("variables", "current", "url", "source"),
    [
        ({}, None, LOCAL_SOCKET, "the local socket"),
        ({}, "default", LOCAL_SOCKET, "the local socket"),
        ({}, "farm", "tcp://10.0.0.7:2375", "the Docker context `farm`"),
        ({"DOCKER_CONTEXT": "lab"}, "farm", "ssh://lab", "the Docker context `lab`"),
        ({"DOCKER_CONTEXT": "default"}, "farm", LOCAL_SOCKET, "the local socket"),
        ({"DOCKER_HOST": "tcp://10.0.0.9:2375", "DOCKER_CONTEXT": "lab"}, "farm", "tcp://10.0.0.9:2375", "DOCKER_HOST"),
        ({"DOCKER_HOST": ""}, "farm", "tcp://10.0.0.7:2375", "the Docker context `farm`"),
    ],
)
def test_the_variable_wins_over_the_context_over_the_local_socket(
    tmp_path: Path, variables: dict[str, str], current: str | None, url: str, source: str
) -> None:
    make_context(tmp_path, "farm", "tcp://10.0.0.7:2375")
    make_context(tmp_path, "lab", "ssh://lab")
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": current} if current else {}))
    chosen = chosen_engine({"DOCKER_CONFIG": str(tmp_path), **variables})
    assert (chosen.url, chosen.source) == (url, source)
    # What a program is told that is started on it leads it to the same place, whatever context is current there.
    assert chosen_engine({"DOCKER_CONFIG": str(tmp_path), **chosen.variables()}).url == url


def test_a_context_brings_its_certificates(tmp_path: Path) -> None:
    make_context(tmp_path, "farm", "tcp://10.0.0.7:2376", tls=True)
    chosen = chosen_engine({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "farm"})
    assert chosen.certificates is not None
    assert chosen.verify
    handed_on = chosen_engine(chosen.variables())
    assert (handed_on.url, handed_on.certificates, handed_on.verify) == (chosen.url, chosen.certificates, True)


def test_a_context_that_is_gone_is_not_taken_for_the_local_engine(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "gone"}')
    with pytest.raises(PlatformError, match="The Docker context `gone` can't be read") as caught:
        chosen_engine({"DOCKER_CONFIG": str(tmp_path)})
    assert str(tmp_path / "config.json") in caught.value.where
    assert "docker context use" in caught.value.next_step


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\x00\xff"])
def test_a_configuration_that_says_nothing_names_no_context(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert chosen_engine({"DOCKER_CONFIG": str(tmp_path)}).url == LOCAL_SOCKET
