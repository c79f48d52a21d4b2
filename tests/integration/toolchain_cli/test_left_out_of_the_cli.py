"""The CLI that was built here: what it must do, and what it refuses because it was built without."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airgap.toolchain.locate import built_folder, official_pulumi
from tests.support.s3_server import S3Server, run_s3_server

if TYPE_CHECKING:
    from .conftest import Clone

BUCKET = "states"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server with the bucket."""
    with run_s3_server(tmp_path_factory.mktemp("s3")) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture
def in_bucket(s3: S3Server, tmp_path: Path) -> dict[str, str]:
    """The variables that put a stack's state into the bucket."""
    (tmp_path / "s3-ca.pem").write_text(s3.ca)
    return {
        "PULUMI_BACKEND_URL": f"s3://{BUCKET}?endpoint=https://127.0.0.1:{s3.port}&s3ForcePathStyle=true&region=us-east-1",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse",
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests-secret",
        "AWS_CA_BUNDLE": str(tmp_path / "s3-ca.pem"),
    }


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the very CLI that was built here, beside any project, with a home of its own."""
    if official_pulumi() is not None:
        pytest.skip("an official CLI wins on this machine, so none was built")
    pulumi = built_folder() / "bin" / "pulumi"
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        home = {"HOME": str(tmp_path), "PULUMI_HOME": str(tmp_path / "home")}
        return subprocess.run(
            [pulumi, *arguments, "--non-interactive"],
            cwd=project,
            env={"PATH": "/usr/bin:/bin", "PULUMI_SKIP_UPDATE_CHECK": "1"} | home | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.mark.exhaustive
def test_a_stack_lives_in_a_bucket(clone: Clone, in_bucket: dict[str, str], s3: S3Server) -> None:
    clone.variables.update(in_bucket)
    clone.pulumi("login", in_bucket["PULUMI_BACKEND_URL"])
    clone.pulumi("stack", "init", "dev")
    clone.pulumi("config", "set", "--secret", "greeting", "psst")
    up = clone.pulumi("up", "--yes", "--skip-preview")
    assert "2 created" in up.stdout
    assert "2 unchanged" in clone.pulumi("up", "--yes", "--skip-preview", "--refresh").stdout
    exported = json.loads(clone.pulumi("stack", "export").stdout)["deployment"]
    assert exported["secrets_providers"]["type"] == "passphrase"
    assert [resource["type"] for resource in exported["resources"]] == ["pulumi:pulumi:Stack", "tiny:index:Thing"]
    keys = [content["Key"] for content in s3.client().list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert ".pulumi/stacks/tiny/dev.json" in keys
    written = b"".join(s3.client().get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys)
    assert b"s3cret-token" not in written
    assert "2 deleted" in clone.pulumi("destroy", "--yes").stdout
    clone.pulumi("stack", "rm", "dev", "--yes")
    assert not clone.state.exists()


@pytest.mark.parametrize(
    ("address", "missing"), [("gs://bucket", "Google Cloud Storage"), ("azblob://container?storage_account=x", "Azure Blob Storage")]
)
def test_another_clouds_bucket_is_refused_by_name(
    built: Callable[..., subprocess.CompletedProcess[str]], address: str, missing: str
) -> None:
    outcome = built("login", address)
    assert outcome.returncode != 0
    assert f"built without {missing}" in outcome.stderr
    assert "install the official one" in outcome.stderr


@pytest.mark.parametrize("provider", ["awskms://alias/x?region=us-east-1", "azurekeyvault://x/keys/y", "gcpkms://x", "hashivault://x"])
def test_a_clouds_keys_are_refused_by_name(built: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, provider: str) -> None:
    (tmp_path / "state").mkdir()
    outcome = built("stack", "init", "dev", "--secrets-provider", provider, PULUMI_BACKEND_URL=f"file://{tmp_path}/state")
    assert outcome.returncode != 0
    assert "built without the secrets providers" in outcome.stderr
    assert "passphrase" in outcome.stderr


def test_the_client_of_pulumi_clouds_api_is_refused_by_name(built: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    outcome = built("api", "/api/user")
    assert outcome.returncode != 0
    assert "built without the client of Pulumi Cloud's REST API" in outcome.stderr
