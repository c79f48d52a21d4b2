"""Checks of the PostgreSQL server: capacity, lock waits, and counters of problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.relational import SCHEMA
from christmas.blueprint.server_alarms import POSTGRES_ALARMS, PostgresAlarms
from christmas.blueprint.twin_logins import twin_of
from core.words import size_text
from infra import clients
from infra.connections import Platform
from monitor import samples
from monitor.postgres import connected, query
from monitor.result import Finding, Status, bounded, critical, ok, warning
from monitor.samples import Increase

_SHOWN = 4
_COUNTER_TURNS = 2**31
# May read sequences; `monitor` may not.
_READS_SEQUENCES = "backup"
_AS_SUPERUSER = "invoke shell pg --account postgres"


class Waiting(NamedTuple):
    """A session that waits for a lock: see sql/lock_queue.sql."""

    pid: int
    seconds: float
    thing: str
    blockers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Holder:
    """A session: see sql/sessions.sql."""

    account: str
    address: str
    is_busy: bool
    transaction_seconds: float


class Slot(NamedTuple):
    """A replication slot; see sql/slots.sql."""

    name: str
    active: bool
    state: str
    held: int


def settings(platform: Platform) -> Finding:
    """The server's settings come from the file that `up` writes, and all of that file is in effect."""
    with connected(platform) as connection:
        rows = connection.execute(query("settings_by_hand")).fetchall()
    if rows:
        words = "; ".join(f"{name} {origin}" for name, origin in rows)
        undo = "alter system reset NAME, alter database … reset NAME, and select pg_reload_conf()"
        restart = f"what still waits for a restart then: docker restart {platform.containers['timescaledb']}"
        return warning(words, f"{_AS_SUPERUSER}: {undo}; {restart}", len(rows), "settings")
    return ok("all settings come from the configuration file, and none waits for a restart", 0, "settings")


def connections(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Accounts have free connections, in total and each."""
    with connected(platform) as connection:
        room, held = connection.execute(query("connections")).fetchone() or (0, {})
    return judge_connections(int(room), held, alarms)


def judge_connections(room: int, held: Mapping[str, int], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge connections by account and the total limit. Pure."""
    total = sum(held.values())
    most = ", ".join(f"{name} {count}" for name, count in sorted(held.items(), key=lambda pair: -pair[1])[:_SHOWN])
    message = f"{total} of {room}: {most}"
    step = f"invoke check --only postgres.sessions; {_AS_SUPERUSER}: select pg_terminate_backend(PROCESS) ends one"
    finding = bounded(total / max(room, 1), "share", message, step, warn=alarms.connections_warn, critical=alarms.connections_critical)
    # The server counts each of an account's two logins.
    bounds = {
        login: account.postgres.connection_limit
        for account in ACCOUNTS
        if account.postgres
        for login in (account.name, twin_of(account.name))
    }
    full = [
        f"{name} has {count} of its {bounds[name]}"
        for name, count in held.items()
        if name in bounds and count >= alarms.account_connections_warn * bounds[name]
    ]
    if full and not finding.next_step:
        return warning(
            "; ".join([*full, message]), f"a pool that doesn't return connections? {step}", round(total / max(room, 1), 4), "share"
        )
    return finding


def locks(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """No session waits long for a lock; otherwise the finding names who blocks it."""
    with connected(platform) as connection:
        waiting = [Waiting(*row) for row in connection.execute(query("lock_queue")).fetchall()]
        rows = connection.execute(query("sessions")).fetchall() if waiting else []
    sessions = {row[0]: Holder(str(row[1]), str(row[2]), bool(row[3]), float(row[4] or 0)) for row in rows}
    return judge_locks(waiting, sessions, alarms)


def judge_locks(waiting: Sequence[Waiting], sessions: Mapping[int, Holder], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge waiting sessions; the head of a queue blocks others and waits for nobody itself. Pure."""
    longest = max((session.seconds for session in waiting), default=0.0)
    if not waiting:
        return bounded(0.0, "seconds", "no session waits for a lock", "", warn=alarms.lock_wait_warn.total_seconds())
    pids = {session.pid for session in waiting}
    heads = [pid for pid in dict.fromkeys(blocker for session in waiting for blocker in session.blockers) if pid not in pids]
    things = ", ".join(dict.fromkeys(session.thing for session in sorted(waiting, key=lambda session: -session.seconds)[:_SHOWN]))
    message = f"{len(waiting)} sessions wait for a lock ({things}), the longest for {longest:.0f} s"
    if heads:
        message += "; at the head: " + "; ".join(_described(pid, sessions) for pid in heads[:_SHOWN])
    else:
        message += "; they wait for each other"
    step = f"wait for it, or end it: {_AS_SUPERUSER} -c 'select pg_terminate_backend({heads[0] if heads else waiting[0].pid})'"
    return bounded(
        longest, "seconds", message, step, warn=alarms.lock_wait_warn.total_seconds(), critical=alarms.lock_wait_critical.total_seconds()
    )


def _described(pid: int, sessions: Mapping[int, Holder]) -> str:
    holder = sessions.get(pid)
    if holder is None:
        return f"process {pid}, no account"
    doing = "active" if holder.is_busy else "idle"
    return f"{holder.account} from {holder.address}, process {pid}, {doing}, its transaction {holder.transaction_seconds:.0f} s old"


def slots(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """No replication slot retains WAL without a reader."""
    with connected(platform) as connection:
        rows = [Slot(*row) for row in connection.execute(query("slots")).fetchall()]
    return judge_slots(rows, alarms)


def judge_slots(slots_there: Sequence[Slot], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge slots: an unused one retains WAL until the disk is full. Pure."""
    most = max((slot.held for slot in slots_there), default=0)
    message = "; ".join(
        f"{slot.name} ({'active' if slot.active else 'inactive'}, {slot.state}) retains {size_text(slot.held)}" for slot in slots_there
    )
    step = f"reconnect its reader, or {_AS_SUPERUSER}: select pg_drop_replication_slot(NAME)"
    bound = alarms.slot_bytes_critical
    grave = most >= bound or any(slot.state in {"lost", "unreserved"} for slot in slots_there)
    status = Status.CRITICAL if grave else Status.OK if all(slot.active for slot in slots_there) else Status.WARNING
    return Finding(status, message or "no slots", "" if status is Status.OK else step, most, "bytes", None, bound)


def wraparound(platform: Platform) -> Finding:
    """No database is near transaction ID wraparound."""
    with connected(platform) as connection:
        ages = [(str(name), int(age), int(shared)) for name, age, shared in connection.execute(query("wraparound")).fetchall()]
    return judge_wraparound(ages)


def judge_wraparound(ages: Sequence[tuple[str, int, int]], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge ages of databases, as (name, transactions, multixacts). Pure."""
    name, age, shared = max(ages, key=lambda row: max(row[1:]), default=("", 0, 0))
    message = f"{name} is {age / 1e6:.0f} million transactions and {shared / 1e6:.0f} million multixacts old"
    message += f"; at {_COUNTER_TURNS / 1e6:.0f} million writes stop"
    step = f"find what holds back vacuum: postgres.sessions, postgres.slots; then vacuum freeze, {_AS_SUPERUSER}"
    share = max(age, shared) / _COUNTER_TURNS
    return bounded(share, "share", message, step, warn=alarms.wraparound_warn, critical=alarms.wraparound_critical)


def sequences(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """No serial or identity column is near its maximum."""
    with clients.postgres(platform, _READS_SEQUENCES) as connection:
        rows = connection.execute(query("sequences"), (SCHEMA,)).fetchall()
    return judge_sequences([(str(name), int(last), int(most)) for name, last, most in rows], alarms)


def judge_sequences(fill: Sequence[tuple[str, int, int]], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge sequences, as (column, last number, maximum). Pure."""
    shares = sorted(((last / most, name, last, most) for name, last, most in fill), reverse=True)
    if not shares:
        return bounded(0.0, "share", "no sequence was used yet", "", warn=alarms.sequences_warn, critical=alarms.sequences_critical)
    near = [share for share in shares if share[0] >= alarms.sequences_warn] or shares[:1]
    message = "; ".join(f"{name} is at {last:,} of {most:,}" for _, name, last, most in near[:_SHOWN])
    step = "change the column to bigint: invoke migrate.new; at the maximum, inserts fail"
    return bounded(shares[0][0], "share", message, step, warn=alarms.sequences_warn, critical=alarms.sequences_critical)


def _counters(platform: Platform) -> dict[str, Any]:
    with connected(platform) as connection:
        cursor = connection.execute(query("counters"))
        row = cursor.fetchone() or ()
        return dict(zip([column.name for column in cursor.description or ()], row, strict=True))


_FIRST_LOOK = "first sample: the next check shows the increase"


def deadlocks(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Few deadlocks: the server ends each by failing a transaction."""
    count = int(_counters(platform)["deadlocks"])
    return judge_deadlocks(samples.increase(platform, "postgres.deadlocks", count), alarms)


def judge_deadlocks(risen: Increase | None, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge the increase. Pure."""
    message = _FIRST_LOOK if risen is None else f"{risen.count:.0f} deadlocks {risen}"
    step = "invoke logs timescaledb --since 1h has `deadlock detected` with the processes; lock rows in the same order everywhere"
    return bounded(risen.count if risen else 0, "deadlocks", message, step, warn=alarms.deadlocks_warn)


def temporary(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Few sorts and hashes spill to disk."""
    counters = _counters(platform)
    return judge_temporary(samples.increase(platform, "postgres.temporary", int(counters["temporary_bytes"])), alarms)


def judge_temporary(risen: Increase | None, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge the increase of temporary files. Pure."""
    message = _FIRST_LOOK if risen is None else f"{size_text(risen.count)} in temporary files {risen}"
    step = "invoke check --only postgres.queries,postgres.sessions; add an index, or more work_mem for that account"
    return bounded(risen.count if risen else 0, "bytes", message, step, warn=alarms.temporary_bytes_warn)


def checkpoints(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Checkpoints are timed, not forced by max_wal_size."""
    counters = _counters(platform)
    return judge_checkpoints(samples.increase(platform, "postgres.checkpoints", int(counters["requested_checkpoints"])), alarms)


def judge_checkpoints(risen: Increase | None, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge the increase of requested checkpoints. Pure."""
    message = _FIRST_LOOK if risen is None else f"{risen.count:.0f} requested checkpoints {risen}"
    step = "raise max_wal_size (half of christmas:limits.timescaledb.memoryMib), or load in smaller steps"
    return bounded(risen.count if risen else 0, "checkpoints", message, step, warn=alarms.checkpoints_warn)


def commits(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Commits do not wait long for the disk."""
    counters = _counters(platform)
    syncs = samples.since_last(platform, "postgres.log_syncs", int(counters["log_syncs"]))
    waited = samples.since_last(platform, "postgres.log_sync_milliseconds", float(counters["log_sync_milliseconds"]))
    return judge_commits(syncs, waited.count if waited else 0.0, alarms)


def judge_commits(syncs: Increase | None, waited: float, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Judge how often the log was written to the disk, and how many milliseconds that took in all. Pure."""
    warn, bad = (bound.total_seconds() * 1000 for bound in (alarms.commit_warn, alarms.commit_critical))
    # A slow disk lets only few through between two looks; one that is slow once is no slow disk.
    enough = syncs is not None and (syncs.count >= alarms.commits_needed or waited >= alarms.commits_needed * warn)
    mean = waited / max(syncs.count, 1) if syncs is not None and enough else 0.0
    message = _FIRST_LOOK if syncs is None else f"the log was written to the disk {syncs.count:.0f} times {syncs}"
    if enough:
        message += f", {mean:.1f} ms each: so long does a commit wait"
    step = "find what keeps the disk busy, or whether it fails: invoke check --only host, docker stats --no-stream, dmesg"
    return bounded(mean, "milliseconds", message, step, warn=warn, critical=bad)


def checksums(platform: Platform) -> Finding:
    """No checksum failures, and checksums are on."""
    counters = _counters(platform)
    return judge_checksums(
        has=bool(counters["has_checksums"]), failures=int(counters["checksum_failures"]), last=counters["checksum_last_failure"]
    )


def judge_checksums(*, has: bool, failures: int, last: str | None) -> Finding:
    """Judge the server's count of checksum failures. Pure."""
    if failures:
        return critical(
            f"{failures} checksum failures, the last at {last}: disk or memory is faulty",
            "invoke backup.verify, then restore to another disk: invoke backup.restore",
            failures,
            "pages",
        )
    if not has:
        return warning("checksums are off: corruption stays unnoticed", "pg_checksums --enable, with the server stopped", 0, "pages")
    return ok("no checksum failures", 0, "pages")


def invalid_indexes(platform: Platform) -> Finding:
    """No failed index build left an invalid index."""
    with connected(platform) as connection:
        indexes = [(str(name), str(table)) for name, table in connection.execute(query("invalid_indexes")).fetchall()]
    return judge_invalid(indexes)


def judge_invalid(indexes: Sequence[tuple[str, str]]) -> Finding:
    """Judge invalid indexes, as (index, table). Pure."""
    if not indexes:
        return ok("no invalid index", 0, "indexes")
    message = ", ".join(f"{name} of {table}" for name, table in indexes[:_SHOWN])
    return warning(
        f"{len(indexes)} invalid indexes: {message}",
        f"as migrator: reindex index concurrently {indexes[0][0]}, or drop it; a unique index fails on duplicate rows",
        len(indexes),
        "indexes",
    )
