"""PostgreSQL's files: who is let in from where, and that memory follows the limits."""

import re

import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Account, Limits, Network, PostgresRole
from christmas.blueprint.postgres_bounds import ADVISORY_LOCKS, TEMPORARY_FILES_AT_MOST_MIB
from christmas.blueprint.services import TIMESCALEDB
from infra.components.timescaledb_container import pg_hba_conf, postgresql_conf


def rows(text):
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_only_tls_and_only_declared_accounts():
    table = rows(pg_hba_conf(ACCOUNTS, "10.1.2.0/24", "10.1.2.1"))
    let_in = [row for row in table if row[-1] not in {"reject", "peer"}]
    assert {row[0] for row in let_in} == {"hostssl"}
    assert {row[1] for row in let_in} == {"christmas_db"}
    # Each account has two logins, which take turns (docs/adr/0020).
    assert {row[2] for row in let_in} == {f"{account.name},{account.name}_twin" for account in ACCOUNTS if account.postgres}
    assert {row[-1] for row in let_in} == {"scram-sha-256"}
    assert table[-1] == ["host", "all", "all", "all", "reject"]


def test_the_superuser_has_no_network_login():
    table = rows(pg_hba_conf(ACCOUNTS, "10.1.2.0/24", "10.1.2.1"))
    assert [row for row in table if row[2] == "postgres"] == [["local", "all", "postgres", "peer"]]


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ((Network.PLATFORM, Network.HOST), [("10.1.2.1/32", "scram-sha-256"), ("10.1.2.0/24", "scram-sha-256")]),
        # The gateway lies in the subnet, so it has to be turned away before the subnet is let in.
        ((Network.PLATFORM,), [("10.1.2.1/32", "reject"), ("10.1.2.0/24", "scram-sha-256")]),
        ((Network.HOST,), [("10.1.2.1/32", "scram-sha-256"), ("samehost", "scram-sha-256")]),
        ((), [("10.1.2.1/32", "reject")]),
    ],
)
def test_an_account_comes_in_only_from_its_networks(networks, expected):
    account = Account(name="someone", purpose="", postgres=PostgresRole(networks=networks))
    table = rows(pg_hba_conf([account], "10.1.2.0/24", "10.1.2.1"))
    assert [(row[3], row[4]) for row in table if row[2] == "someone,someone_twin"] == expected


def test_monitoring_lets_the_account_that_watches_in_from_the_network():
    def let_in(*, monitoring):
        table = rows(pg_hba_conf(ACCOUNTS, "10.1.2.0/24", "10.1.2.1", monitoring=monitoring))
        return {row[2].partition(",")[0] for row in table if row[3:5] == ["10.1.2.0/24", "scram-sha-256"]}

    assert let_in(monitoring=True) - let_in(monitoring=False) == {"monitor"}


def test_who_comes_in_from_the_network_does_so_from_other_machines_that_are_named():
    table = rows(pg_hba_conf(ACCOUNTS, "10.1.2.0/24", "10.1.2.1", monitoring=True, elsewhere=["192.0.2.0/24"]))
    let_in = {row[2].partition(",")[0] for row in table if row[3:5] == ["192.0.2.0/24", "scram-sha-256"]}
    assert let_in == {account.name for account in ACCOUNTS if account.postgres and Network.PLATFORM in account.postgres.networks}
    assert let_in.isdisjoint({"migrator", "backup", "monitor"})


def test_a_gateway_outside_the_subnet_is_refused():
    with pytest.raises(ValueError, match="not in"):
        pg_hba_conf(ACCOUNTS, "10.1.2.0/24", "10.9.9.1")


@pytest.mark.parametrize(("memory", "shared"), [(512, 128), (2048, 512), (16384, 4096)])
def test_memory_follows_the_limits(memory, shared):
    text = postgresql_conf(Limits(memory_mib=memory, cpus=2, stop_seconds=60, tmpfs_mib=16))
    assert f"shared_buffers = '{shared}MB'" in text
    assert "ssl = on" in text


def test_all_accounts_together_leave_places_to_the_superuser():
    text = postgresql_conf(TIMESCALEDB.limits)
    figures = {name: int(value) for name, value in re.findall(r"^(\w+) = (\d+)$", text, re.MULTILINE)}
    together = sum(account.postgres.connection_limit for account in ACCOUNTS if account.postgres)
    assert together <= figures["max_connections"] - figures["superuser_reserved_connections"]


def test_bounds_that_no_session_can_lift_are_set():
    text = postgresql_conf(TIMESCALEDB.limits)
    for line in (
        "authentication_timeout = '10s'",
        "temp_file_limit = '8192MB'",
        "max_notify_queue_pages = 8192",
        "max_prepared_transactions = 0",
    ):
        assert f"\n{line}\n" in text
    roles = [account.postgres for account in ACCOUNTS if account.postgres]
    assert roles
    assert all(0 < role.temporary_files_mib <= TEMPORARY_FILES_AT_MOST_MIB for role in roles)
    assert TIMESCALEDB.limits.process_mib == 512


@pytest.mark.parametrize(
    "line",
    [
        "log_error_verbosity = 'terse'",
        "log_min_error_statement = 'panic'",
        "log_min_duration_statement = -1",
        "log_parameter_max_length = 0",
        "log_parameter_max_length_on_error = 0",
        "pgaudit.log_statement = 'off'",
        "pgaudit.log_parameter = 'off'",
        "pg_stat_statements.track_utility = off",
    ],
)
def test_each_line_that_keeps_values_out_of_the_log_is_there(line):
    """Several of them stand behind one another: with one gone, no value may get into a server's log yet, so that none is looked for."""
    assert f"\n{line}\n" in postgresql_conf(TIMESCALEDB.limits)


def test_accounts_say_nothing_of_failed_statements_in_the_log():
    assert {("log_min_messages", "log") in account.postgres.settings for account in ACCOUNTS if account.postgres} == {True}


def test_no_account_is_a_member_of_what_can_not_be_narrowed():
    assert [account.name for account in ACCOUNTS if account.postgres and account.postgres.member_of] == []
    locking = {account.name for account in ACCOUNTS if account.postgres and set(account.postgres.functions) & set(ADVISORY_LOCKS)}
    assert locking == {"migrator"}
