"""Encrypted fields on a stack: the key rotated by the command, killed in the middle, and nothing plain in a physical backup."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from christmas.profiles import Profiles
from christmas.sealed.cipher import FieldCipher
from christmas.sealed.ring import from_file, from_json
from infra import clients
from seed.demo_people import PEOPLE
from tests.end_to_end.conftest import BIN, ROOT
from tests.support.inside import inside
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.exhaustive


def ring_of(stack):
    return from_json(stack.outputs()["field_keys"])


def numbers(ring):
    return [(key.number, key.retired) for key in ring.keys]


def check(stack):
    done = stack.check("--only", "postgres.encryption", "--json")
    (found,) = json.loads(done.stdout)["checks"]
    return found["status"], found["message"]


def people(stack, ring):
    """The demo users' profiles as applications read them."""
    profiles = Profiles(FieldCipher(ring))
    with clients.postgres(stack.platform(), "api") as connection:
        found = connection.execute("select id, username from users where username = any(%s)", ([person.username for person in PEOPLE],))
        numbered = {username: number for number, username in found.fetchall()}
        read = [profiles.read(connection, numbered[person.username]) for person in PEOPLE]
        by_phone = [profiles.find_by_phone(connection, person.phone)[0].user_id for person in PEOPLE]
    assert by_phone == [numbered[person.username] for person in PEOPLE]
    return [(each.first_name, each.last_name, each.phone, each.address) for each in read if each is not None]


EVERYBODY = [(person.first_name, person.last_name, person.phone, person.address) for person in PEOPLE]


@contextlib.contextmanager
def held_profile(stack):
    """Lock the last profile's row while the block runs, so that a rotation has to wait for it."""
    with psycopg.connect(stack.platform().postgres_url("api")) as connection:
        connection.execute("select user_id from user_profiles order by user_id desc limit 1 for update")
        yield


def wait_for_a_rotation_that_waits(stack, rotation):
    waiting = "select from pg_locks where not granted"
    with clients.postgres(stack.platform(), "monitor", autocommit=True) as connection:

        def waits():
            assert rotation.poll() is None, f"the rotation does not come to the locked row; it ended with {rotation.poll()}"
            return connection.execute(waiting).fetchone() is not None

        wait_for(waits, "the rotation comes to the locked row", seconds=2 * PATIENCE)


@pytest.mark.exhaustive
def test_a_rotation_killed_in_the_middle_is_completed_by_the_next_one(stack):
    before = ring_of(stack)
    assert people(stack, before) == EVERYBODY
    assert check(stack)[0] == "ok"
    first, second = before.active.number, before.active.number + 1
    command = [str(BIN / "invoke"), "accounts.rotate", "--keys"]
    with held_profile(stack):
        rotation = subprocess.Popen(command, cwd=ROOT, env=stack.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_a_rotation_that_waits(stack, rotation)
            other = stack.invoke("accounts.rotate", "--keys", check=False)
            assert other.returncode != 0
            assert "another rotation of keys is running" in other.stdout + other.stderr
        finally:
            os.kill(rotation.pid, signal.SIGKILL)
            rotation.wait()
    between = ring_of(stack)
    assert numbers(between) == [*numbers(before), (second, False)]
    assert people(stack, between) == EVERYBODY
    assert check(stack)[0] == "warning"
    # Retiring the former key by hand, while rows need it, is refused by `up`, and nothing is lost by having tried.
    stack.pulumi("config", "set", "--path", "christmas:fieldKeys.retiredBelow", str(second))
    refused = stack.up(check=False)
    assert refused.returncode != 0
    assert "can't be retired while rows need it" in refused.stdout + refused.stderr
    assert people(stack, ring_of(stack)) == EVERYBODY

    assert "sealed with key" in stack.invoke("accounts.rotate", "--keys").stdout
    after = ring_of(stack)
    assert numbers(after)[-2:] == [(first, True), (second, False)]
    assert people(stack, after) == EVERYBODY
    assert check(stack) == ("ok", f"{5 * len(PEOPLE)} values sealed with key {second}")
    stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")


def test_an_application_gets_the_ring_with_its_settings_and_others_do_not(stack, tmp_path):
    written = stack.invoke("env", "--account", "api").stdout.strip()
    settings = dict(line.partition("=")[::2] for line in Path(written).read_text().splitlines())
    assert from_file(settings["FIELD_KEYS_FILE"]) == ring_of(stack)
    analyst = stack.invoke("env", "--account", "analyst").stdout.strip()
    assert "FIELD_KEYS_FILE" not in Path(analyst).read_text()


def test_what_rotates_is_said_once(stack):
    for words in ([], ["api", "--keys"]):
        done = stack.invoke("accounts.rotate", *words, check=False)
        assert done.returncode != 0
        assert "what to rotate is not clear" in done.stdout + done.stderr


@pytest.mark.exhaustive
def test_a_physical_backup_holds_nothing_plain_even_opened(stack):
    folder = "/var/lib/pgbackrest/looked-at"

    def printed(*command):
        return inside(stack.container("timescaledb"), *command, user="1000:1000").decode()

    printed("pgbackrest", "--stanza=christmas", "--type=full", "backup")
    try:
        printed("mkdir", folder)
        printed("pgbackrest", "--stanza=christmas", f"--pg1-path={folder}", "restore")
        plain = {word for each in EVERYBODY for word in (each[2], each[3]) if word}
        for text in (f"{PEOPLE[0].username}@example.com", *sorted(plain), "민지", "健二"):
            opened = int(printed("sh", "-c", f"grep -r -l -a -F -e '{text}' {folder}/base {folder}/pg_wal | wc -l"))
            stored = int(
                printed("sh", "-c", f"grep -r -l -a -F -e '{text}' /var/lib/pgbackrest/backup /var/lib/pgbackrest/archive | wc -l")
            )
            # Addresses of users are stored in the open: that they are found shows that the search finds.
            assert (bool(opened), stored) == ("@example.com" in text, 0), text
    finally:
        printed("rm", "-rf", folder)
    assert plain
    for service in ("timescaledb", "redis", "weaviate"):
        log = stack.container(service).logs()
        assert log
        assert [text for text in plain if text.encode() in log] == []
