"""The three stores, and an application's settings for them: no more than the file that `invoke env --account app` writes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest
import redis

from core.progress import SilentProgress
from infra import env_file
from infra.connections import ROOT, Platform
from seed import documents
from tests.support.scratch_platform import run_scratch_platform

CORPUS = ROOT / "docs" / "guide" / "ko" / "overview.md"


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    """A migrated platform whose documents are one page about the platform."""
    with run_scratch_platform("tests-specification", embedder=True) as running:
        documents.load(running.platform, [CORPUS], SilentProgress())
        yield running.platform


@pytest.fixture(scope="package")
def settings(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of an application as a shell has it that read the account's file, and nothing else."""
    path = env_file.write(platform, "app", path=Path(tmp_path_factory.mktemp("app")) / "app.env")
    command = ["sh", "-c", f"set -a; . '{path}'; exec env -0"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}).stdout
    return dict(line.split("=", 1) for line in told.split("\0") if line)


@pytest.fixture
def database(settings: Mapping[str, str]) -> Iterator[psycopg.Connection]:
    """A connection by DATABASE_URL alone, whose work is undone."""
    with psycopg.connect(settings["DATABASE_URL"]) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def cache(settings: Mapping[str, str]) -> Iterator[redis.Redis]:
    """A client by REDIS_URL alone; what it leaves expires."""
    client = redis.Redis.from_url(settings["REDIS_URL"], decode_responses=True)
    yield client
    client.close()
