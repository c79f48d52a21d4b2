"""A Docker client configuration that is broken, or names a credential helper that is gone, stops nothing that needs no credentials."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airgap.setup.docker_engine import engine_is_ready
from core.docker_client import connect
from core.errors import PlatformError
from tests.integration.toolchain.docker_rpc import Plugin, RefusedError
from tests.integration.toolchain.image_registry import registry
from tests.support.cases import in_make_test

GONE = {"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "gone-with-the-desktop"}
HARMLESS: dict[str, Any] = {
    "a store that is gone": GONE,
    "a registry's helper that is gone": {"credHelpers": {"127.0.0.1:5000": "gone", "docker.io": "gone"}},
    "both": {**GONE, "credHelpers": {"registry.example": "gone"}},
    "no JSON": "{ this is no JSON",
    "an empty file": "",
    "no log-ins": {},
    "a log-in": {"auths": {"registry.example": {"auth": base64.b64encode(b"me:secret").decode()}}},
}
BROKEN: dict[str, Any] = {
    "a list": ["auths"],
    "a log-in that is no object": {"auths": {"registry.example": "me:secret"}},
    "a log-in that can't be decoded": {"auths": {"registry.example": {"auth": "%%%"}}},
    "proxies that are no object": {"proxies": ["http://proxy.example"]},
}


def _build(text: str) -> list[dict[str, Any]]:
    client = connect()
    try:
        return list(client.api.build(fileobj=io.BytesIO(text.encode()), decode=True, rm=True, forcerm=True))
    finally:
        client.close()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", in_make_test(HARMLESS, 0, 2, 3))
def test_an_image_is_built_from_what_is_here(name: str, configure: Callable[[Any], Path], tiny: str) -> None:
    configure(HARMLESS[name])
    assert engine_is_ready()
    events = _build(f"FROM {tiny}\nLABEL built={uuid.uuid4().hex}\n")
    built = next(event["aux"]["ID"] for event in events if "aux" in event)
    client = connect()
    client.images.remove(built, force=True)
    client.close()
    with Plugin() as plugin:
        assert plugin.create("RemoteImage", {"name": tiny, "keepLocally": True}).outputs["imageId"]


def test_a_configuration_that_may_not_be_read_counts_as_none(configure: Callable[[Any], Path]) -> None:
    file = configure(GONE) / "config.json"
    file.chmod(0)
    file.parent.chmod(0o755)
    for folder in (file.parent.parent, file.parent.parent.parent):
        folder.chmod(0o755)
    # Root may read any file, so root lends its place to nobody, who may read the project and its packages and use the engine.
    program = "from core.docker_client import connect; print(connect().version()['ApiVersion'])"
    nobody = ["setpriv", "--reuid=65534", "--inh-caps=-all", "--ambient-caps=-all"]
    groups = ["--groups", str(Path("/var/run/docker.sock").stat().st_gid)]
    assert os.geteuid() == 0, "this test lends root's place to another user: run it as root"
    done = subprocess.run(
        [*nobody, *groups, "--bounding-set=-all", sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )
    if "Permission denied" in done.stderr and sys.prefix in done.stderr:
        pytest.fail(f"nobody may not read {sys.prefix}: keep clone and interpreter where others may read them")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_understood_is_told_in_one_message(name: str, configure: Callable[[Any], Path]) -> None:
    folder = configure(BROKEN[name])
    with pytest.raises(PlatformError, match="Docker client's configuration can't be read") as caught:
        connect()
    assert str(folder / "config.json") in caught.value.where
    with Plugin() as plugin, pytest.raises(RefusedError, match=r"config\.json"):
        plugin.create("Volume", {})


def test_an_image_for_everyone_is_pulled_without_the_helper(configure: Callable[[Any], Path], tiny: str) -> None:
    configure(GONE)
    with registry(tiny, "christmas-tests-pulled") as address, Plugin() as plugin:
        pulled = plugin.create("RemoteImage", {"name": f"{address}/christmas-tests-pulled:latest"})
        assert pulled.outputs["repoDigest"]
        plugin.delete(pulled)


@pytest.mark.exhaustive
def test_a_registry_that_wants_a_login_leads_to_the_helper(configure: Callable[[Any], Path], tiny: str) -> None:
    folder = configure(GONE)
    refused = pytest.raises(RefusedError, match="docker-credential-gone-with-the-desktop is not on PATH")
    with registry(tiny, "christmas-tests-pulled", login=("me", "secret")) as address, Plugin() as plugin, refused as caught:
        plugin.create("RemoteImage", {"name": f"{address}/christmas-tests-pulled:latest"})
    assert str(folder / "config.json") in str(caught.value)


def test_a_helper_that_is_there_is_asked(configure: Callable[[Any], Path], tiny: str, tmp_path: Path) -> None:
    helper = tmp_path / "bin" / "docker-credential-tests"
    helper.parent.mkdir()
    helper.write_text('#!/bin/sh\ncat > /dev/null\necho \'{"ServerURL": "x", "Username": "me", "Secret": "secret"}\'\n')
    helper.chmod(0o755)
    configure({"credsStore": "tests"})
    path = f"{helper.parent}{os.pathsep}{os.environ['PATH']}"
    with registry(tiny, "christmas-tests-pulled", login=("me", "secret")) as address, Plugin(environment={"PATH": path}) as plugin:
        pulled = plugin.create("RemoteImage", {"name": f"{address}/christmas-tests-pulled:latest"})
        plugin.delete(pulled)
