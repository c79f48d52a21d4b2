"""PostgreSQL's container, and its configuration files as text: settings from the limits, access rules from the accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from christmas.blueprint.audited import AUDIT_SETTINGS
from christmas.blueprint.backup_and_drill_rules import BACKUP_RULES
from christmas.blueprint.model import Account, Limits, Network
from christmas.blueprint.postgres_bounds import AUTHENTICATION_SECONDS, NOTIFY_QUEUE_PAGES, TEMPORARY_FILES_AT_MOST_MIB
from christmas.blueprint.relational import DATABASE
from christmas.blueprint.services import POSTGRES_MAX_CONNECTIONS, POSTGRES_MAX_LOCKS, TIMESCALEDB
from christmas.blueprint.twin_logins import twin_of
from infra.backup_places import S3Place
from infra.components.description import Content, ServiceContainer
from infra.components.names import CONFIG_DIRECTORY
from infra.components.pgbackrest_config import CA_FILE, CONFIG_PATH, PGDATA, REPOSITORY_PATH, STANZA
from infra.provider import stalled_logins
from infra.provider.address_rules import of_account, resolved

PRELOADED = ("timescaledb", "pgaudit", "pg_stat_statements")
SUPERUSER_PASSWORD_FILE = "postgres.password"  # noqa: S105 - a file's name
DATA, REPOSITORY = "timescaledb-data", "pgbackrest"

ARCHIVE_COMMAND = f"pgbackrest --config={CONFIG_PATH} --stanza={STANZA} archive-push %p"


def describe(
    limits: Limits,
    *,
    uid: int,
    gid: int,
    hba: Content | str,
    pgbackrest: Content | str,
    superuser_password: Content | str,
    place: S3Place | None = None,
    settings: Iterable[str] = (),
) -> ServiceContainer[Content]:
    """PostgreSQL, run by the user `uid`:`gid`, with its `pg_hba.conf` and `pgbackrest.conf`; `settings` are further lines of its own.

    The superuser's password is for making a new cluster. `place` is the bucket of the backups, if they are in one.
    """
    configuration = "\n".join([postgresql_conf(limits), *settings])
    return ServiceContainer(
        service=TIMESCALEDB.name,
        limits=limits,
        command=["postgres", "-c", f"config_file={CONFIG_DIRECTORY}/postgresql.conf", "-c", f"hba_file={CONFIG_DIRECTORY}/pg_hba.conf"],
        environment={
            "PGDATA": PGDATA,
            "POSTGRES_PASSWORD_FILE": f"{CONFIG_DIRECTORY}/{SUPERUSER_PASSWORD_FILE}",
            "PGBACKREST_CONFIG": CONFIG_PATH,
        },
        volumes={PGDATA.rpartition("/")[0]: DATA, REPOSITORY_PATH: REPOSITORY},
        # An image may give this directory to another user.
        own_tmpfs={"/var/run/postgresql": f"rw,noexec,nosuid,nodev,size=16m,uid={uid},gid={gid},mode=0750"},
        files={
            "postgresql.conf": configuration,
            "pg_hba.conf": hba,
            stalled_logins.FILE: stalled_logins.script(),
            "pgbackrest.conf": pgbackrest,
            **({CA_FILE: place.ca_certificate} if place and place.ca_certificate else {}),
            SUPERUSER_PASSWORD_FILE: superuser_password,
        },
        health=["CMD", "sh", f"{CONFIG_DIRECTORY}/{stalled_logins.FILE}", "health"],
        settings=configuration,
        stop_signal="SIGINT",
        shm_mib=256,
        wait_seconds=300,
    )


def postgresql_conf(limits: Limits) -> str:
    """`postgresql.conf` for a server with these limits.

    Memory follows the shares that PostgreSQL's documentation suggests for a dedicated machine: a quarter for shared buffers,
    three fifths assumed to be cached by the kernel.
    """
    memory = limits.memory_mib
    # Half of the memory besides shared buffers, divided by the possible number of parallel sorts.
    work_mem = max(4, memory // 2 // (POSTGRES_MAX_CONNECTIONS // 3))
    workers = max(2, round(limits.cpus))
    audit = "\n".join(f"{name} = '{value}'" for name, value in AUDIT_SETTINGS)
    return f"""\
# Written by the Pulumi program; changes by hand are undone by the next `up`.
listen_addresses = '*'
port = 5432
max_connections = {POSTGRES_MAX_CONNECTIONS}
superuser_reserved_connections = 5
# A statement over a whole hypertable locks each of its chunks and their indexes.
max_locks_per_transaction = {POSTGRES_MAX_LOCKS}
password_encryption = 'scram-sha-256'

# Only TLS is let in: pg_hba.conf has no rule for anything else.
ssl = on
ssl_cert_file = '{CONFIG_DIRECTORY}/tls.crt'
ssl_key_file = '{CONFIG_DIRECTORY}/tls.key'
ssl_min_protocol_version = 'TLSv1.2'

shared_preload_libraries = '{",".join(PRELOADED)}'
timescaledb.telemetry_level = 'off'
shared_buffers = '{memory // 4}MB'
effective_cache_size = '{memory * 3 // 5}MB'
work_mem = '{work_mem}MB'
maintenance_work_mem = '{max(64, memory // 16)}MB'
max_worker_processes = {8 + 2 * workers}
max_parallel_workers = {workers}
max_parallel_workers_per_gather = {max(1, workers // 2)}
max_parallel_maintenance_workers = {max(1, workers // 2)}
timescaledb.max_background_workers = 8
# A volume on an SSD is assumed; random reads cost little more than sequential ones there.
random_page_cost = 1.1
effective_io_concurrency = 200

wal_level = 'replica'
max_wal_size = '{max(512, memory // 2)}MB'
min_wal_size = '160MB'
checkpoint_timeout = '15min'
checkpoint_completion_target = 0.9
wal_compression = 'zstd'
# So that a restore can say how much was written that is not in it.
track_commit_timestamp = on
# Which relations the log changes: a backup counts those alone. A summary is small; one that is needed is seldom older than a day.
summarize_wal = on
wal_summary_keep_time = '{3 * BACKUP_RULES.full_every.days}d'
archive_mode = on
archive_command = '{ARCHIVE_COMMAND}'
archive_timeout = {round(BACKUP_RULES.archive_timeout.total_seconds())}
# Recovery finds the archive without further settings.
restore_command = 'pgbackrest --config={CONFIG_PATH} --stanza={STANZA} archive-get %f "%p"'

idle_in_transaction_session_timeout = '10min'
# A stranger that says nothing has a place for so long. infra/provider/stalled_logins.sh ends those that are too many sooner.
authentication_timeout = '{AUTHENTICATION_SECONDS}s'
# What no session can lift. Each role has a bound of its own below this one.
temp_file_limit = '{TEMPORARY_FILES_AT_MOST_MIB}MB'
max_notify_queue_pages = {NOTIFY_QUEUE_PAGES}
max_prepared_transactions = 0
log_destination = 'stderr'
logging_collector = off
# Without the application's name: a client chooses it freely, and could hide the rest of its line behind it.
log_line_prefix = '%m [%p] user=%u db=%d client=%h '
log_connections = on
log_disconnections = on
log_checkpoints = on
log_lock_waits = on
log_autovacuum_min_duration = '10s'
# No value of a row, a parameter or a statement's text gets into the log: neither with an error, nor with a slow statement (those are in
# pg_stat_statements, without constants), nor with what pgaudit writes, which names the object. docs/adr/0010.
log_error_verbosity = 'terse'
log_min_error_statement = 'panic'
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
{audit}
# An image of others may not have it: every line is logged then (docs/adr/0027).
include_if_exists = '/usr/local/lib/christmas/audit_once.conf'
track_io_timing = on
# How long commits wait for the disk: postgres.commits.
track_wal_io_timing = on
pg_stat_statements.track = 'all'
# Statements that set passwords are among the others.
pg_stat_statements.track_utility = off
"""


def pg_hba_conf(accounts: Iterable[Account], subnet: str, gateway: str, *, monitoring: bool = False, elsewhere: Sequence[str] = ()) -> str:
    """`pg_hba.conf`: the server's own user over its socket; each account over TLS, from its networks, to the one database.

    A client on the host has the bridge's `gateway` as its address, which is in `subnet`: an account without access from the host is
    rejected there before the subnet's rule accepts it. One with access from the host
    alone comes in from the server's own addresses too. With `monitoring` the account that watches comes in from the network as well, where
    Prometheus' exporter runs. Who comes in from the stack's network does so from the networks of other machines in `elsewhere`, too.
    Raises ValueError for a gateway outside the subnet.
    """
    net, host = resolved(subnet, gateway)
    rows = [
        "# Written by the Pulumi program; changes by hand are undone by the next `up`.",
        "# TYPE    DATABASE        USER                     ADDRESS              METHOD",
        "local     all             postgres                                      peer",
        "local     all             all                                           reject",
    ]
    for account in accounts:
        if account.postgres is None:
            continue
        networks = of_account(account.name, account.postgres.networks, monitoring=monitoring)
        row = f"hostssl   {DATABASE:<15} {f'{account.name},{twin_of(account.name)}':<24} "
        rows.append(f"{row}{host}/{host.max_prefixlen:<7} {'scram-sha-256' if Network.HOST in networks else 'reject'}")
        if Network.PLATFORM in networks:
            rows.append(f"{row}{net!s:<20} scram-sha-256")
        elif Network.HOST in networks:
            # Tools that the host starts in this container: pg_dump of a backup, psql of `invoke shell`.
            rows.append(f"{row}{'samehost':<20} scram-sha-256")
        if Network.PLATFORM in account.postgres.networks:
            rows += [f"{row}{network:<20} scram-sha-256" for network in elsewhere]
    rows.append("host      all             all                      all                  reject")
    return "\n".join(rows) + "\n"
