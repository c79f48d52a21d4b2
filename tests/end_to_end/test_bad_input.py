"""What goes wrong gets one clear message and a non-zero exit, and the next `up` completes."""

import contextlib
import os
import socket

import pytest

from tests.support.cases import in_make_test


@contextlib.contextmanager
def setting(stack, *words):
    """A setting for the time of a test. `words` are those of `pulumi config set`, its options first."""
    stack.pulumi("config", "set", *words)
    try:
        yield
    finally:
        key = next(word for word in words if not word.startswith("--"))
        stack.pulumi("config", "rm", *(["--path"] if "--path" in words else []), key)


def failed_up(stack):
    done = stack.invoke("up", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.exhaustive
def test_a_typo_in_a_setting(stack):
    with setting(stack, "christmas:certificateDay", "30"):
        assert "did you mean certificateDays?" in failed_up(stack)
    stack.pulumi("preview", "--expect-no-changes")


@pytest.mark.exhaustive
def test_a_port_that_is_taken(stack):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with setting(stack, "--path", "christmas:ports.redis", str(port)):
            said = failed_up(stack)
            assert f"127.0.0.1:{port}" in said
    stack.up("--refresh")
    assert stack.is_well("redis")


@pytest.mark.exhaustive
def test_a_wrong_passphrase(stack):
    environment = stack.environment | {"PULUMI_CONFIG_PASSPHRASE": "another one"}
    before = stack.environment
    try:
        stack.environment = environment
        assert "passphrase" in failed_up(stack).lower()
    finally:
        stack.environment = before
    stack.pulumi("preview", "--expect-no-changes")


@pytest.mark.exhaustive
def test_an_image_that_is_missing_is_named_with_its_command(stack):
    upstream = '{"timescaledb":{"reference":"christmas/timescaledb:none"},"redis":{"reference":"a:1"},"weaviate":{"reference":"b:1"}}'
    with setting(stack, "christmas:images", "upstream"), setting(stack, "christmas:upstream", upstream):
        said = failed_up(stack)
        assert "christmas/timescaledb:none" in said
        assert "invoke images" in said
    stack.up("--refresh")
    stack.pulumi("preview", "--expect-no-changes")


@pytest.mark.parametrize(
    ("words", "said"),
    in_make_test(
        [
            (["env", "--account", "nobody"], "no account 'nobody'"),
            (["up", "--stack", "no/good//name"], "stack"),
            (["outputs", "--stack", f"absent-{os.getpid()}"], "there is no stack"),
            (["migrate.downgrade", "r9999"], "r9999"),
            (["seed.search", "--limit", "0", "x"], "limit"),
            (["backup", "--store", "mysql"], "mysql"),
            (["backup", "--full", "--incremental"], "not both"),
            (["backup.schedule", "--only", "restore"], "no work restore"),
            (["backup.schedule", "--once", "--cron"], "exclude each other"),
            (["backup.import-portable", "--url", "somewhere"], "not the address of a Weaviate"),
            (["check", "--only", "nothing"], "nothing"),
            (["accounts.rotate", "nobody"], "no account 'nobody'"),
            (["images", "--service", "mysql"], "mysql"),
        ],
        0,
        6,
    ),
)
def test_wrong_words_are_told_what_is_right(stack, words, said):
    done = stack.invoke(*words, check=False)
    assert done.returncode != 0
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
