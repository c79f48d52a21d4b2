from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airgap.toolchain.pulumi_failures import diagnose
from tests.support.programs import running

LOCKED = (
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end "
    "or delete the lock file with `pulumi cancel`.\n"
    "  file:///clone/.christmas/state/.pulumi/locks/organization/christmas/dev/75de4d6f-e072-4c5d-b1c4-074e0f1bcb88.json?no_tmp_dir=true: "
    "created by root@{host} (pid {pid}) at {time}\n"
)


def explain(output: str) -> str | None:
    known = diagnose(output)
    return None if known is None else str(known)


def test_a_lock_of_a_process_that_is_gone_is_to_be_cancelled() -> None:
    message = explain(LOCKED.format(host=socket.gethostname(), pid=2**22 + 1, time="2026-11-23T05:55:38Z"))
    assert message is not None
    assert "killed" in message
    assert "since 2026-11-23T05:55:38Z; that process is gone" in message
    assert "pulumi cancel --yes --stack dev" in message


def test_a_lock_whose_holders_number_was_given_again_is_to_be_cancelled() -> None:
    message = explain(LOCKED.format(host=socket.gethostname(), pid=os.getpid(), time="2001-01-01T00:00:00+09:00"))
    assert message is not None
    assert "that process is gone" in message


@pytest.mark.parametrize("host", [socket.gethostname(), "elsewhere"], ids=["here", "elsewhere"])
def test_a_lock_whose_holder_may_live_is_to_be_waited_for(tmp_path: Path, host: str) -> None:
    with running("pulumi", tmp_path) as pid:
        message = explain(LOCKED.format(host=host, pid=pid, time=datetime.now(UTC).isoformat(timespec="seconds")))
    assert message is not None
    assert f"process {pid} of root on {host}" in message
    assert "wait until it has ended" in message


@pytest.mark.parametrize(
    ("output", "what"),
    [
        ("error: getting stack configuration: get stack secrets manager: incorrect passphrase", "passphrase is not the one"),
        ("error: failed to decrypt: incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE to", "passphrase is not the one"),
        ("error: unable to read PULUMI_CONFIG_PASSPHRASE_FILE: open /x: no such file or directory", "no passphrase"),
        (
            "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
            "no passphrase",
        ),
        ("error: no resource plugin 'pulumi-resource-docker' found in the workspace at version v5.2.0 or on your $PATH", "`docker` v5.2.0"),
        ("error: no language plugin 'pulumi-language-python' found in the workspace or on your $PATH", "`python`"),
        ("error: plugin docker 5.2.0 not installed", "`docker` 5.2.0"),
        (
            'error: Pulumi CLI version 3.100.0 does not satisfy the version range ">=3.259.0"',
            "is 3.100.0, and this project wants >=3.259.0",
        ),
        ("error: failed to load checkpoint: EOF", "The state of the stack can't be read"),
        ("error: no stack selected; please use `pulumi stack select`", "No stack is selected"),
        ("\x1b[31merror: \x1b[0mno stack named 'prdo' found", "There is no stack prdo"),
    ],
)
def test_known_failures_are_recognised(output: str, what: str) -> None:
    error = diagnose(output)
    assert error is not None
    assert what in error.what
    assert error.next_step


def test_what_is_not_known_is_left_to_pulumi() -> None:
    assert explain("error: something new") is None
