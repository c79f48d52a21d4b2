"""Images that are not here are pulled from where their names say."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import docker
import pytest

from tests.integration.toolchain.docker_lab import PREFIX, client, image
from tests.integration.toolchain.docker_rpc import Plugin, RefusedError
from tests.integration.toolchain.image_registry import registry

_REPOSITORY = f"{PREFIX}-pulled"


@pytest.fixture(autouse=True)
def _tidy() -> Iterator[None]:
    yield
    with contextlib.closing(client()) as engine:
        for found in engine.images():
            for name in found["RepoTags"] or []:
                if f"/{_REPOSITORY}:" in name:
                    engine.remove_image(name, force=True)


@pytest.mark.exhaustive
def test_a_missing_image_is_pulled_used_and_removed(engine: docker.APIClient) -> None:
    with registry(image(), _REPOSITORY) as address, Plugin() as plugin:
        name = f"{address}/{_REPOSITORY}:latest"
        pulled = plugin.create("RemoteImage", {"name": name})
        assert pulled.outputs["imageId"] == engine.inspect_image(name)["Id"]
        assert str(pulled.outputs["repoDigest"]).startswith(f"{address}/{_REPOSITORY}@sha256:")
        read = plugin.read(pulled)
        assert read is not None
        assert (read.id, read.outputs) == (pulled.id, pulled.outputs)
        plugin.delete(pulled)
        assert plugin.read(pulled) is None


def test_a_private_registry_is_logged_in_to() -> None:
    with registry(image(), _REPOSITORY, login=("reader", "open-sesame")) as address:
        name = f"{address}/{_REPOSITORY}:latest"
        with Plugin() as stranger, pytest.raises(RefusedError, match="is not here, and could not be pulled"):
            stranger.create("RemoteImage", {"name": name})
        auth = json.dumps([{"address": address, "username": "reader", "password": "open-sesame"}])
        with Plugin(config={"registryAuth": auth}) as reader:
            assert reader.create("RemoteImage", {"name": name}).outputs["repoDigest"]
