"""New secrets while clients go on: no login fails, neither with the settings from before nor with those that are read again."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import threading
from datetime import UTC, datetime

import psycopg
import pytest

from backup.weaviate.restore import root_key
from christmas.blueprint.services import SERVICES
from christmas.connecting import read_settings
from infra import env_file
from infra.components.names import LIVE_PAGE
from monitor import wire
from monitor.ports_and_certificates import PORTS
from tests.end_to_end.conftest import BIN, ROOT
from tests.support.own_keys_of_weaviate import answer, answers
from tests.support.steady_clients import STORES, SteadyClients, embedder
from tests.support.waiting import wait_for

ACCOUNT = "app"  # it is in all three stores


@pytest.fixture
def written(stack, tmp_path):
    """The account's settings in a file that is written anew again and again, as by somebody who is in a hurry after a rotation."""
    file, stop = tmp_path / "app.env", threading.Event()
    env_file.write(stack.platform(), ACCOUNT, path=file)

    failures: list[Exception] = []

    def write():
        while not stop.wait(1):
            try:
                env_file.write(stack.platform(), ACCOUNT, path=file)
            except Exception as error:  # told below, with its reason: a thread's exception is not
                failures.append(error)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    yield lambda: read_settings(file)
    stop.set()
    writer.join()
    assert failures == []


def interrupted(stack, after, *words):
    """Rotate, and kill everything that takes part in it as soon as its output has that line."""
    process = subprocess.Popen(
        [str(BIN / "invoke"), "accounts.rotate", *words],
        cwd=ROOT, env=stack.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if after in line:
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert after in said, said


def refused(settings):
    """The stores that refuse these settings."""
    found = set()
    for store, login in STORES.items():
        try:
            login(settings)
        except Exception:  # each client has errors of its own
            found.add(store)
    return found


def turn(stack):
    return stack.outputs()["rotations"][ACCOUNT]


def logs_in_again(clients):
    """Wait until each client has logged in since."""
    seen = dict(clients.done)
    wait_for(lambda: clients.failed or all(clients.done[name] > seen.get(name, 0) for name in clients.logins), "a login of each client")


@pytest.mark.exhaustive
def test_no_login_fails_while_an_account_is_rotated_killed_twice_on_the_way(stack, written):
    before, generation = written(), turn(stack)["generation"]
    running = {service.name: stack.container(service.name).attrs["State"]["StartedAt"] for service in SERVICES}
    with SteadyClients(written) as fresh:
        with SteadyClients(lambda: before) as stale:
            interrupted(stack, "app-rotation updated", ACCOUNT)
            interrupted(stack, "redis-config updated", ACCOUNT)
            # Nobody has been given anything else yet.
            assert written() == before
            assert "24 h" in stack.invoke("accounts.rotate", ACCOUNT).stdout
            after = turn(stack)
            assert (after["generation"], after["former"]) == (generation + 1, True)
            stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
            stack.up("--refresh")
            done = stack.invoke("accounts.rotate", ACCOUNT, check=False)
            assert done.returncode != 0
            assert "--finish" in done.stderr
            logs_in_again(stale)
        wait_for(lambda: written() != before, "the new settings are in the file")
        logs_in_again(fresh)
        stack.invoke("accounts.rotate", ACCOUNT, "--finish")
        logs_in_again(fresh)
    assert (fresh.failed, stale.failed) == ([], [])
    now = written()
    assert {name for name in ("DATABASE_URL", "REDIS_URL", "WEAVIATE_API_KEY") if now[name] == before[name]} == set()
    assert refused(before) == {"postgres", "redis", "weaviate"}
    assert refused(now) == set()
    stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
    assert running == {service: stack.container(service).attrs["State"]["StartedAt"] for service in running}


@pytest.mark.exhaustive
def test_both_logins_of_every_account_are_that_account(stack, written):
    """All accounts at once, those that keep the stores too; whoever has the newest secret may what the matrix says, and is named by it."""
    with SteadyClients(written) as fresh:
        stack.invoke("accounts.rotate", "--all")
        logs_in_again(fresh)
    assert fresh.failed == []
    assert all(stack.is_well(service) for service in ("timescaledb", "redis", "weaviate"))
    names = ["postgres.accounts", "redis.accounts", "weaviate.accounts", "postgres.rights", "accounts.rotation"]
    document = json.loads(stack.invoke("check", "--json", *(word for name in names for word in ("--only", name))).stdout)
    assert {check["status"] for check in document["checks"]} == {"ok"}
    stack.invoke("accounts.matrix", "--prove", "--account", ACCOUNT)
    stack.invoke("accounts.matrix", "--prove", "--account", "migrator")
    platform = stack.platform()
    twins = {login for login in (platform.postgres_login(name) for name in platform.accounts) if login.endswith("_twin")}
    assert twins, "no account logs in with its twin now"
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        connection.execute("create table made_by_either (id int)")
        owner = connection.execute("select tableowner from pg_tables where tablename = 'made_by_either'").fetchone()
        connection.rollback()
    assert owner == ("migrator",)
    stack.invoke("accounts.rotate", "--all", "--finish")
    stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")


@pytest.mark.exhaustive
def test_a_secret_that_others_know_is_refused_right_after(stack):
    before = env_file.variables(stack.platform(), ACCOUNT)
    assert refused(before) == set()
    stack.invoke("accounts.rotate", ACCOUNT, "--at-once")
    assert refused(before) == {"postgres", "redis", "weaviate"}
    assert refused(env_file.variables(stack.platform(), ACCOUNT)) == set()
    # `pulumi up` alone ends what is over, and nothing else.
    stack.pulumi("preview", "--expect-no-changes", "--non-interactive")


@pytest.mark.exhaustive
def test_sets_are_made_and_proven_by_twins_and_a_restore_brings_no_former_secret_back(stack):
    """A set that was made within an overlap holds both; the former one was taken away since."""
    if not stack.platform().postgres_login("backup").endswith("_twin"):
        stack.invoke("accounts.rotate", "backup")
    before = env_file.variables(stack.platform(), ACCOUNT)
    stack.invoke("accounts.rotate", ACCOUNT)
    assert stack.platform().postgres_login("backup") == "backup_twin"
    said = stack.invoke("backup", "--full").stdout
    made = json.loads(stack.invoke("backup.list", "--json").stdout)[-1]
    assert made["id"] in said
    assert "the logical backup" not in said
    assert "the roles beside" not in said
    stack.invoke("backup.drill")
    stack.invoke("accounts.rotate", ACCOUNT, "--finish")
    assert refused(before) == {"postgres", "redis", "weaviate"}
    stack.invoke("backup.restore", "--live", "--force", "--store", "postgres", "--to", made["id"])
    assert refused(before) == {"postgres", "redis", "weaviate"}
    assert refused(env_file.variables(stack.platform(), ACCOUNT)) == set()


@pytest.mark.exhaustive
def test_the_schedule_ends_what_is_over_and_leaves_other_changes_alone(stack):
    before = env_file.variables(stack.platform(), ACCOUNT)
    stack.invoke("accounts.rotate", ACCOUNT)
    once = ["schedule.run", "--once", "--only", "rotation"]
    stack.invoke(*once)
    assert refused(before) == set()
    stack.pulumi("config", "set", "--path", f"christmas:formerUntil.{ACCOUNT}", f"{turn(stack)['generation']}@2026-01-01T00:00:00Z")
    stack.pulumi("config", "set", "--path", f"christmas:rotations.{LIVE_PAGE}", "1")
    done = stack.invoke(*once, check=False)
    assert done.returncode != 0
    assert "other changes wait: live-page" in done.stdout + done.stderr
    assert refused(before) == set()
    stack.pulumi("config", "rm", "--path", f"christmas:rotations.{LIVE_PAGE}")
    assert ACCOUNT in stack.invoke(*once).stdout
    assert refused(before) == {"postgres", "redis", "weaviate"}


@pytest.mark.exhaustive
def test_nobody_is_refused_while_the_embedders_key_is_rotated(stack, written):
    before, asked = written(), {"embedder": embedder}
    started = stack.container("embedder").attrs["State"]["StartedAt"]
    with SteadyClients(written, asked) as fresh:
        with SteadyClients(lambda: before, asked) as stale:
            interrupted(stack, "embedder-config updated", "embedder")
            assert "invoke env --account NAME" in stack.invoke("accounts.rotate", "embedder").stdout
            stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
            logs_in_again(stale)
        wait_for(lambda: written() != before, "the new settings are in the file")
        logs_in_again(fresh)
        stack.invoke("accounts.rotate", "embedder", "--finish")
        logs_in_again(fresh)
    assert (fresh.failed, stale.failed) == ([], [])
    with pytest.raises(AssertionError, match="401"):
        embedder(before)
    stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
    assert stack.container("embedder").attrs["State"]["StartedAt"] == started


@pytest.mark.exhaustive
def test_no_accounts_key_is_refused_while_weaviates_own_keys_are_replaced(stack):
    """They have no overlap: Weaviate is away while it is replaced, but nobody is told that an account's key is wrong."""
    platform = stack.platform()
    keys = {name: credentials.weaviate for name, credentials in platform.accounts.items() if credentials.weaviate}
    former = root_key(platform.containers["weaviate"])
    assert {"app", "backup", "monitor"} <= keys.keys()
    assert answer(platform, former) == "200"
    stack.pulumi("config", "set", "--path", "christmas:rotations.weaviate", "1")
    with answers(platform, keys) as found:
        stack.up()
    assert {status for seen in found.values() for status in seen} <= {"200", "503", "nobody"}
    assert all(seen["200"] for seen in found.values())
    newest = root_key(platform.containers["weaviate"])
    assert newest != former
    assert (answer(platform, newest), answer(platform, former)) == ("200", "401")


def shown_by(stack, trusted):
    """The stores whose certificate verifies by these CAs alone."""
    found = set()
    for port in PORTS:
        try:
            host, number = stack.platform().endpoints[port.endpoint].address()
            with wire.tls(host, number, trusted, postgres=port.postgres, alpn=port.alpn):
                found.add(port.endpoint)
        except ssl.SSLCertVerificationError:
            continue
    return found


@pytest.mark.exhaustive
def test_no_client_is_refused_while_the_ca_is_rotated_killed_on_the_way(stack, written, tmp_path):
    """Clients that read their settings again come to trust both CAs before a server shows a certificate of the new one."""
    started = {service.name: stack.container(service.name).attrs["State"]["StartedAt"] for service in SERVICES}
    ports = {port.endpoint for port in PORTS}
    trust, former, newest = stack.platform().ca_file, tmp_path / "former.crt", tmp_path / "newest.crt"
    former.write_text(trust.read_text())
    generation = stack.outputs()["authority"]["generation"] + 1
    with SteadyClients(written) as fresh:
        interrupted(stack, "ca-rotation updated", "--ca")
        interrupted(stack, "redis-config updated", "--ca")
        assert "two CAs are trusted" in stack.invoke("accounts.rotate", "--ca").stdout
        stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
        done = stack.invoke("accounts.rotate", "--ca", check=False)
        assert done.returncode != 0
        assert "--finish" in done.stderr
        wait_for(lambda: former.read_text() != trust.read_text(), "the trust file has both")
        newest.write_text(trust.read_text().replace(former.read_text(), ""))
        assert newest.read_text().count("BEGIN CERTIFICATE") == 1
        assert (shown_by(stack, former), shown_by(stack, newest)) == (ports, set())
        stack.invoke("schedule.run", "--once", "--only", "rotation")
        assert shown_by(stack, newest) == set()
        logs_in_again(fresh)
        assert fresh.failed == []

        stack.pulumi("config", "set", "--path", "christmas:formerUntil.ca", f"{generation}@{datetime.now(UTC).isoformat()}")
        interrupted(stack, "timescaledb-config updated", "--ca")
        assert "servers show certificates of the new CA" in stack.invoke("schedule.run", "--once", "--only", "rotation").stdout
        stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
        assert (shown_by(stack, former), shown_by(stack, newest)) == (set(), ports)
        assert "the CA is" in stack.invoke("check", "--only", "accounts.authority").stdout
        logs_in_again(fresh)

        stack.invoke("accounts.rotate", "--ca", "--finish")
        stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
        wait_for(lambda: trust.read_text() == newest.read_text(), "the former CA is trusted no more")
        logs_in_again(fresh)
    assert all(stack.is_well(service) for service in started)
    assert fresh.failed == []
    assert started == {service: stack.container(service).attrs["State"]["StartedAt"] for service in started}
    print(f"logins that all went well: {dict(fresh.done)}")


@pytest.mark.exhaustive
def test_a_ca_whose_key_others_know_is_trusted_no_more_right_after(stack, tmp_path):
    former = tmp_path / "former.crt"
    former.write_text(stack.platform().ca_file.read_text())
    stack.invoke("accounts.rotate", "--ca", "--at-once")
    assert shown_by(stack, former) == set()
    assert shown_by(stack, stack.platform().ca_file) == {port.endpoint for port in PORTS}
    assert stack.platform().ca_file.read_text().count("BEGIN CERTIFICATE") == 1
    stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
