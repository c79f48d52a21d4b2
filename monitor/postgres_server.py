"""Whether PostgreSQL's server has room left, keeps nobody waiting, and counts nothing that tells of trouble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.relational import SCHEMA
from christmas.blueprint.server_alarms import POSTGRES_ALARMS, PostgresAlarms
from core.words import size_text
from infra import clients
from infra.connections import Platform
from monitor import samples
from monitor.postgres import connected, query
from monitor.result import Finding, Status, bounded, critical, ok, warning
from monitor.samples import Increase

_SHOWN = 4
_COUNTER_TURNS = 2**31
# May read sequences, which tell how many rows there are; `monitor` may not.
_READS_SEQUENCES = "backup"
_AS_SUPERUSER = "invoke shell pg --account postgres"


class Waiting(NamedTuple):
    """A session that waits for a lock; see sql/lock_queue.sql."""

    pid: int
    seconds: float
    thing: str
    blockers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Holder:
    """A session as sql/sessions.sql tells of it."""

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


def connections(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Accounts have connections left, altogether and each for itself."""
    with connected(platform) as connection:
        room, held = connection.execute(query("connections")).fetchone() or (0, {})
    return judge_connections(int(room), held, alarms)


def judge_connections(room: int, held: Mapping[str, int], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """What connections by account come to, of those there is room for. Pure."""
    total = sum(held.values())
    most = ", ".join(f"{name} {count}" for name, count in sorted(held.items(), key=lambda each: -each[1])[:_SHOWN])
    told = f"{total} of {room}: {most}"
    step = f"invoke check --only postgres.sessions; {_AS_SUPERUSER}: select pg_terminate_backend(PROCESS) ends one"
    found = bounded(total / max(room, 1), "share", told, step, warn=alarms.connections_warn, critical=alarms.connections_critical)
    bounds = {each.name: each.postgres.connection_limit for each in ACCOUNTS if each.postgres}
    full = [
        f"{name} has {count} of its {bounds[name]}"
        for name, count in held.items()
        if name in bounds and count >= alarms.account_connections_warn * bounds[name]
    ]
    if full and not found.next_step:
        return warning(
            "; ".join([*full, told]), f"connections that a pool doesn't give back? {step}", round(total / max(room, 1), 4), "share"
        )
    return found


def locks(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Nobody waits for a lock for long; else who is at the head of the queue."""
    with connected(platform) as connection:
        waiting = [Waiting(*row) for row in connection.execute(query("lock_queue")).fetchall()]
        rows = connection.execute(query("sessions")).fetchall() if waiting else []
    sessions = {row[0]: Holder(str(row[1]), str(row[2]), bool(row[3]), float(row[4] or 0)) for row in rows}
    return judge_locks(waiting, sessions, alarms)


def judge_locks(waiting: Sequence[Waiting], sessions: Mapping[int, Holder], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """What sessions that wait come to; the heads of their queues are those that others wait for and that wait for nobody. Pure."""
    longest = max((each.seconds for each in waiting), default=0.0)
    if not waiting:
        return bounded(0.0, "seconds", "nobody waits for a lock", "", warn=alarms.lock_wait_warn.total_seconds())
    pids = {each.pid for each in waiting}
    heads = [pid for pid in dict.fromkeys(blocker for each in waiting for blocker in each.blockers) if pid not in pids]
    things = ", ".join(dict.fromkeys(each.thing for each in sorted(waiting, key=lambda each: -each.seconds)[:_SHOWN]))
    told = f"{len(waiting)} sessions wait for a lock ({things}), the longest for {longest:.0f} s"
    if heads:
        told += "; at the head: " + "; ".join(_described(pid, sessions) for pid in heads[:_SHOWN])
    else:
        told += "; they wait for one another"
    step = f"wait for it, or end it: {_AS_SUPERUSER} -c 'select pg_terminate_backend({heads[0] if heads else waiting[0].pid})'"
    return bounded(
        longest, "seconds", told, step, warn=alarms.lock_wait_warn.total_seconds(), critical=alarms.lock_wait_critical.total_seconds()
    )


def _described(pid: int, sessions: Mapping[int, Holder]) -> str:
    holder = sessions.get(pid)
    if holder is None:
        return f"process {pid}, no account's"
    doing = "at work" if holder.is_busy else "doing nothing"
    return f"{holder.account} from {holder.address}, process {pid}, {doing}, its transaction {holder.transaction_seconds:.0f} s old"


def slots(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """No replication slot holds log that nobody fetches."""
    with connected(platform) as connection:
        found = [Slot(*row) for row in connection.execute(query("slots")).fetchall()]
    return judge_slots(found, alarms)


def judge_slots(found: Sequence[Slot], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """What slots come to: one that nobody uses holds log until the disk is full. Pure."""
    most = max((each.held for each in found), default=0)
    told = "; ".join(
        f"{each.name} ({'in use' if each.active else 'used by nobody'}, {each.state}) holds {size_text(each.held)}" for each in found
    )
    step = f"have its reader fetch it, or {_AS_SUPERUSER}: select pg_drop_replication_slot(NAME)"
    bound = alarms.slot_bytes_critical
    grave = most >= bound or any(each.state in {"lost", "unreserved"} for each in found)
    status = Status.CRITICAL if grave else Status.OK if all(each.active for each in found) else Status.WARNING
    return Finding(status, told or "there is none", "" if status is Status.OK else step, most, "bytes", None, bound)


def wraparound(platform: Platform) -> Finding:
    """No database is near the turn of the counter of transactions."""
    with connected(platform) as connection:
        found = [(str(name), int(age), int(shared)) for name, age, shared in connection.execute(query("wraparound")).fetchall()]
    return judge_wraparound(found)


def judge_wraparound(found: Sequence[tuple[str, int, int]], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """What ages of databases, as (name, transactions, shared locks), come to. Pure."""
    name, age, shared = max(found, key=lambda each: max(each[1:]), default=("", 0, 0))
    told = f"{name} is {age / 1e6:.0f} million transactions old, its shared locks {shared / 1e6:.0f} million"
    told += f"; at {_COUNTER_TURNS / 1e6:.0f} million writing stops"
    step = f"find what holds it back: postgres.sessions, postgres.slots; then vacuum freeze, {_AS_SUPERUSER}"
    share = max(age, shared) / _COUNTER_TURNS
    return bounded(share, "share", told, step, warn=alarms.wraparound_warn, critical=alarms.wraparound_critical)


def sequences(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """No column that counts rows is near the greatest number that it holds."""
    with clients.postgres(platform, _READS_SEQUENCES) as connection:
        rows = connection.execute(query("sequences"), (SCHEMA,)).fetchall()
    return judge_sequences([(str(name), int(last), int(most)) for name, last, most in rows], alarms)


def judge_sequences(found: Sequence[tuple[str, int, int]], alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """What sequences, as (column, last number, greatest number), come to. Pure."""
    shares = sorted(((last / most, name, last, most) for name, last, most in found), reverse=True)
    if not shares:
        return bounded(0.0, "share", "none has counted yet", "", warn=alarms.sequences_warn, critical=alarms.sequences_critical)
    near = [each for each in shares if each[0] >= alarms.sequences_warn] or shares[:1]
    told = "; ".join(f"{name} is at {last:,} of {most:,}" for _, name, last, most in near[:_SHOWN])
    step = "a revision that makes the column a bigint: invoke migrate.new; until then new rows will be refused"
    return bounded(shares[0][0], "share", told, step, warn=alarms.sequences_warn, critical=alarms.sequences_critical)


def _counters(platform: Platform) -> dict[str, Any]:
    with connected(platform) as connection:
        cursor = connection.execute(query("counters"))
        row = cursor.fetchone() or ()
        return dict(zip([column.name for column in cursor.description or ()], row, strict=True))


_FIRST_LOOK = "the first look: how many come is told by the next"


def deadlocks(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Transactions don't wait for one another in circles, which the server ends by failing one."""
    found = int(_counters(platform)["deadlocks"])
    return judge_deadlocks(samples.increase(platform, "postgres.deadlocks", found), alarms)


def judge_deadlocks(risen: Increase | None, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """What came of them comes to. Pure."""
    told = _FIRST_LOOK if risen is None else f"{risen.count:.0f} deadlocks {risen}"
    step = "invoke logs timescaledb --since 1h has `deadlock detected` with the processes; lock rows in one order everywhere"
    return bounded(risen.count if risen else 0, "deadlocks", told, step, warn=alarms.deadlocks_warn)


def temporary(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Sorts and hashes fit into memory, by and large."""
    found = _counters(platform)
    return judge_temporary(samples.increase(platform, "postgres.temporary", int(found["temporary_bytes"])), alarms)


def judge_temporary(risen: Increase | None, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """What was written into temporary files comes to. Pure."""
    told = _FIRST_LOOK if risen is None else f"{size_text(risen.count)} in temporary files {risen}"
    step = "invoke check --only postgres.queries,postgres.sessions; an index, or more work_mem for the one that sorts"
    return bounded(risen.count if risen else 0, "bytes", told, step, warn=alarms.temporary_bytes_warn)


def checkpoints(platform: Platform, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """Checkpoints come by the clock, not because the log's room is used up."""
    found = _counters(platform)
    return judge_checkpoints(samples.increase(platform, "postgres.checkpoints", int(found["requested_checkpoints"])), alarms)


def judge_checkpoints(risen: Increase | None, alarms: PostgresAlarms = POSTGRES_ALARMS) -> Finding:
    """What checkpoints that were asked for come to. Pure."""
    told = _FIRST_LOOK if risen is None else f"{risen.count:.0f} checkpoints were asked for {risen}"
    step = "more max_wal_size (it is half of the memory: christmas:limits.timescaledb.memoryMib), or a load in smaller steps"
    return bounded(risen.count if risen else 0, "checkpoints", told, step, warn=alarms.checkpoints_warn)


def checksums(platform: Platform) -> Finding:
    """Pages are read as they were written, and the server would notice where not."""
    found = _counters(platform)
    return judge_checksums(has=bool(found["has_checksums"]), failures=int(found["checksum_failures"]), last=found["checksum_last_failure"])


def judge_checksums(*, has: bool, failures: int, last: str | None) -> Finding:
    """What the server has counted of pages that are not as they were written. Pure."""
    if failures:
        return critical(
            f"{failures} pages were not as they were written, the last at {last}: the disk or its memory is at fault",
            "invoke backup.verify, then restore onto another disk: invoke backup.restore; don't vacuum or dump over it",
            failures,
            "pages",
        )
    if not has:
        return warning("the server has no checksums: nobody would notice", "pg_checksums --enable, with the server stopped", 0, "pages")
    return ok("no page was found changed", 0, "pages")


def invalid_indexes(platform: Platform) -> Finding:
    """No build of an index has left one that is written to and never read."""
    with connected(platform) as connection:
        found = [(str(name), str(table)) for name, table in connection.execute(query("invalid_indexes")).fetchall()]
    return judge_invalid(found)


def judge_invalid(found: Sequence[tuple[str, str]]) -> Finding:
    """What broken indexes, as (index, table), come to. Pure."""
    if not found:
        return ok("none is broken", 0, "indexes")
    told = ", ".join(f"{name} of {table}" for name, table in found[:_SHOWN])
    return warning(
        f"{len(found)} indexes are not valid: {told}",
        f"as migrator: reindex index concurrently {found[0][0]}, or drop it; a unique one has met rows that are double",
        len(found),
        "indexes",
    )
