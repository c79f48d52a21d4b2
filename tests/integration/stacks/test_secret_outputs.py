"""`invoke outputs` shows no secret, and what is secret is what Pulumi says: in whatever output, however deep, made by whichever program."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.secret_values import SECRET, SIGNATURE, secrets_of, shown

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


def secret(value: object) -> dict[str, str]:
    return {SIGNATURE: SECRET, "plaintext": json.dumps(value)}


OUTPUTS = {
    "endpoints": {"redis": {"host": "127.0.0.1", "port": 6379}},
    "accounts": secret({"api": {"postgres": "password-of-api-in-postgres", "redis": None}}),
    "field_keys": secret(json.dumps({"active": 1, "keys": {"1": "key-of-the-encrypted-fields"}})),
    "one_that_no_list_knows": secret("whatever-somebody-exports-next"),
    "deep": {"names": ["public", {"key": secret("a-secret-below-what-is-public")}]},
    "configuration": secret("[global]\nrepo1-path=/var/lib/pgbackrest\nrepo1-cipher-pass=o2wbOkyoX8n1vQ0pLm3zRt\n"),
    "private_key": secret("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END"),
}
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a command against a stack whose state has those outputs, and nothing else."""
    name = f"test-secrets-{os.getpid()}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "CHRISTMAS_"))} | {
        "PULUMI_BACKEND_URL": f"file://{tmp_path_factory.mktemp('state')}",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the tests' own",
        "CHRISTMAS_STACK": name,
    }

    def call(program: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(BIN / program), *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, check=True)

    try:
        call("pulumi", "stack", "init", name)
        exported: dict[str, Any] = json.loads(call("pulumi", "stack", "export").stdout)
        urn = f"urn:pulumi:{name}::christmas::pulumi:pulumi:Stack::christmas-{name}"
        exported["deployment"]["resources"] = [{"urn": urn, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": OUTPUTS}]
        call("pulumi", "stack", "import", stdin=json.dumps(exported))
        yield call
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            call("pulumi", "stack", "rm", "--yes", "--force")
        (ROOT / f"Pulumi.{name}.yaml").unlink(missing_ok=True)


def test_what_pulumi_keeps_secret_is_not_shown(run: Run) -> None:
    secrets = secrets_of(json.loads(run("pulumi", "stack", "export", "--show-secrets").stdout))
    assert len(secrets) == 6
    table, listed = run("invoke", "outputs"), run("invoke", "outputs", "--json")
    assert shown(secrets, table.stdout + table.stderr + listed.stdout + listed.stderr) == []
    document = json.loads(listed.stdout)
    assert {name for name, value in document.items() if value == "[secret]"} == OUTPUTS.keys() - {"endpoints", "deep"}
    assert document["deep"] == {"names": ["public", {"key": "[secret]"}]}
    assert document["endpoints"] == OUTPUTS["endpoints"]
    assert [line.split("\t")[0] for line in table.stdout.splitlines()] == sorted(OUTPUTS)


@pytest.mark.exhaustive
def test_asked_for_all_is_shown(run: Run) -> None:
    secrets = secrets_of(json.loads(run("pulumi", "stack", "export", "--show-secrets").stdout))
    assert len(shown(secrets, run("invoke", "outputs", "--show-secrets").stdout)) == len(secrets)
