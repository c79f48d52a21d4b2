"""A release's files, and its images in a real registry: pushed under the release's tag, and named by the digest that the registry gave."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docker
import pytest

from airgap.images.catalog import BASE_IMAGE, image_reference
from core.errors import PlatformError
from core.progress import SilentProgress
from security.release import release
from tests.support import scratch
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

REGISTRY = f"FROM {BASE_IMAGE}\nRUN apt-get update -q && apt-get install -q -y --no-install-recommends docker-registry\n"


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """Debian's registry on a port of loopback, which an engine uses without TLS."""
    client = docker.from_env()
    built, _ = client.images.build(fileobj=BytesIO(REGISTRY.encode()), labels=scratch.labels(), rm=True)
    image = str(built.id)
    container = client.containers.run(
        image,
        ["docker-registry", "serve", "/etc/docker/registry/config.yml"],
        environment={"REGISTRY_AUTH": "none", "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/tmp/registry"},
        labels=scratch.labels(),
        ports={"5000/tcp": ("127.0.0.1", 0)},
        detach=True,
    )
    try:
        container.reload()
        address = f"127.0.0.1:{container.attrs['NetworkSettings']['Ports']['5000/tcp'][0]['HostPort']}"
        wait_for(lambda: answers(address), "the registry answers", pause=0.5)
        yield address
    finally:
        container.remove(force=True, v=True)
        client.images.remove(image, force=True)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_rehearsal_writes_all_files_and_pushes_what_it_names(registry: str, tmp_path: Path) -> None:
    out, repository = tmp_path / "release", f"{registry}/christmas/redis"
    try:
        files = release("", str(out), f"{registry}/christmas", ["redis"], SilentProgress())
        (image,) = json.loads((out / "pushed.json").read_text())
        assert (image["service"], image["image"]) == ("redis", image_reference("redis"))
        name, _, digest = image["pushed"].partition("@")
        assert name == repository
        # The registry has that very content under the tag: who pulls by digest gets what was pushed.
        request = urllib.request.Request(f"http://{registry}/v2/christmas/redis/manifests/rehearsal")
        request.add_header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.headers["Docker-Content-Digest"] == digest
    finally:
        docker.from_env().images.remove(f"{repository}:rehearsal", force=True)
    assert json.loads((out / image["sbom"]).read_text())["bomFormat"] == "CycloneDX"
    suffixes = sorted(path.suffix for path in out.iterdir())
    assert suffixes == ["", ".json", ".json", ".md", ".whl"]
    assert {path.name for path in files} == {path.name for path in out.iterdir()}
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=out, check=True, capture_output=True)


def test_a_registry_that_does_not_answer_is_told(tmp_path: Path) -> None:
    repository = "127.0.0.1:9/christmas"
    try:
        with pytest.raises(PlatformError, match="can't be pushed") as refused:
            release("", str(tmp_path / "release"), repository, ["redis"], SilentProgress())
    finally:
        docker.from_env().images.remove(f"{repository}/redis:rehearsal", force=True)
    assert "docker login" in refused.value.next_step
