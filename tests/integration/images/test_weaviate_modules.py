"""The modules in the server that was built here: those that this project uses, and those that it was built without."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import docker
import httpx
import pytest
from docker.models.containers import Container

from airgap.images.catalog import image_reference
from airgap.images.versions import WEAVIATE
from airgap.toolchain.locate import left_out_files
from tests.support import scratch
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.exhaustive

PORT = 8080
LEFT_OUT = [file.parent.name for file in left_out_files(WEAVIATE.module) if file.parent.name != "leftout"]


@contextlib.contextmanager
def _server(modules: str, **settings: str) -> Iterator[Container]:
    container = docker.from_env().containers.run(
        image_reference("weaviate"),
        ["--host", "0.0.0.0", "--port", str(PORT), "--scheme", "http"],
        environment={"ENABLE_MODULES": modules, "CLUSTER_HOSTNAME": "node1", "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "true", **settings},
        ports={f"{PORT}/tcp": ("127.0.0.1", 0)},
        labels=scratch.labels(),
        mem_limit="1g",
        detach=True,
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def test_the_server_tells_its_version_and_its_modules() -> None:
    wanted = "text2vec-openai,backup-filesystem,backup-s3"
    with _server(wanted, BACKUP_FILESYSTEM_PATH="/var/lib/weaviate-backups", BACKUP_S3_BUCKET="x") as container:
        container.reload()
        address = f"http://127.0.0.1:{scratch.published(container, PORT)}/v1"

        def is_ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{address}/.well-known/ready").status_code == 200
            return False

        scratch.wait_until(is_ready, container)
        meta = httpx.get(f"{address}/meta").json()
    assert meta["version"] == WEAVIATE.version.removeprefix("v")
    assert set(wanted.split(",")) <= set(meta["modules"])


@pytest.mark.parametrize("module", LEFT_OUT)
def test_a_module_that_was_left_out_stops_the_start_by_its_name(module: str) -> None:
    with _server(module) as container:
        assert container.wait(timeout=PATIENCE)["StatusCode"] != 0
        assert f"built without the module {module}" in container.logs().decode()
