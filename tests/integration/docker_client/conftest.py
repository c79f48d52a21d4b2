"""Docker client configurations of a user's own, and a tiny image."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.docker_client import connect
from tests.support import scratch


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    """Make a configuration of the Docker client, given as text or as what becomes JSON, and choose it for this test."""

    def write(content: Any) -> Path:
        folder = tmp_path / "docker-config"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
        monkeypatch.setenv("DOCKER_CONFIG", str(folder))
        return folder

    return write


@pytest.fixture(scope="session")
def tiny() -> Iterator[str]:
    """An image of one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("file"))
    name = f"christmas-tests-{uuid.uuid4().hex[:8]}"
    changes = [f"LABEL {key}={value}" for key, value in scratch.labels().items()]
    with contextlib.closing(connect()) as client:
        client.api.import_image_from_data(packed.getvalue(), repository=name, tag="latest", changes=changes)
        try:
            yield f"{name}:latest"
        finally:
            client.images.remove(f"{name}:latest", force=True)
