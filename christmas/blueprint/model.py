"""The classes of the blueprint: frozen, typed, checked at construction, without any driver or engine.

Every instance is a value: equal declarations compare equal, and no reader can change them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


class BlueprintError(ValueError):
    """The declaration contradicts itself; the message names the part and the rule."""


def require(condition: bool, message: str) -> None:
    """Raise BlueprintError with the message unless the condition holds."""
    if not condition:
        raise BlueprintError(message)


class Sensitivity(StrEnum):
    """Who may see a column's content."""

    OPEN = "open"
    PRIVATE = "private"  # about a person, and needed in plain text by the database itself: never shown to analysts
    PERSONAL = "personal"  # about a person: encrypted in the application, never shown to analysts
    SECRET = "secret"  # noqa: S105 - a credential: only shown to the account that checks it


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `type` in the form of PostgreSQL's `format_type`.

    Loaders round a value with too many decimals for a `rounded` column, and count it; for other columns they refuse the row.
    """

    name: str
    type: str
    nullable: bool = True
    sensitivity: Sensitivity = Sensitivity.OPEN
    rounded: bool = False

    def __post_init__(self) -> None:
        require(bool(_NAME.match(self.name)), f"column {self.name!r}: not a plain lower-case name")


@dataclass(frozen=True, slots=True)
class Index:
    """A named index over columns, in order; `descending` names the columns sorted downwards, `where` limits it to some rows."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    descending: frozenset[str] = frozenset()
    where: str | None = None  # an SQL condition


@dataclass(frozen=True, slots=True)
class Hypertable:
    """TimescaleDB's partitioning of a table: by `time_column`, into chunks of `chunk_interval`.

    `rows_per_week` is the planned rate; the interval follows from it.
    """

    time_column: str
    chunk_interval: timedelta
    compress_after: timedelta | None = None
    segment_by: str | None = None
    rows_per_week: int = 0


@dataclass(frozen=True, slots=True)
class DataRetention:
    """Rows older than `keep` are dropped, whole chunks at a time."""

    keep: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A relational table of the platform."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    hypertable: Hypertable | None = None
    retention: DataRetention | None = None

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        require(len(names) == len(set(names)), f"table {self.name}: a column is declared twice")
        used = set(self.primary_key).union(*(index.columns for index in self.indexes))
        require(used <= set(names), f"table {self.name}: key or index on unknown columns {sorted(used - set(names))}")
        if self.hypertable:
            time_column = self.hypertable.time_column
            unique_keys = [self.primary_key, *(index.columns for index in self.indexes if index.unique)]
            require(
                all(time_column in key for key in unique_keys),
                f"table {self.name}: every unique key of a hypertable includes its time column {time_column}",
            )
        require(
            self.retention is None or self.hypertable is not None, f"table {self.name}: only a hypertable's chunks can be dropped by age"
        )

    def open_columns(self) -> tuple[str, ...]:
        """Names of the columns that every account with read access may see."""
        return tuple(column.name for column in self.columns if column.sensitivity is Sensitivity.OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """Candles of a longer interval, derived from `source`: a continuous aggregate or, without those, a table filled by upkeep.

    Both have the columns symbol, bucket, open, high, low, close and volume. Changes of the source show after a refresh.
    """

    name: str
    comment: str
    source: str
    bucket: timedelta
    chunk_interval: timedelta
    refresh_every: timedelta

    def __post_init__(self) -> None:
        require(bool(_NAME.match(self.name)), f"rollup {self.name!r}: not a plain lower-case name")
        require(timedelta(days=1) % self.bucket == timedelta(0), f"rollup {self.name}: a day holds no whole number of its buckets")


class Network(StrEnum):
    """Where a client may connect from. A stack resolves each to addresses when it comes up."""

    PLATFORM = "platform"  # the stack's own network: applications in containers
    HOST = "host"  # the machine itself, through a port published on loopback; and what it starts inside the server's container


class Privilege(StrEnum):
    """A privilege of a PostgreSQL account on a table."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class TableGrant:
    """Privileges on one table. `columns` limits SELECT to them; None means all columns."""

    table: str
    privileges: frozenset[Privilege]
    columns: tuple[str, ...] | None = None


NO_VALUES_IN_THE_LOG = (("log_min_messages", "log"),)
"""The server's message about a failed statement may repeat a value ("invalid input syntax for type integer: …"). The client gets it; the
log keeps only logins, audit and fatal errors. docs/adr/0010."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresRole:
    """A login role. It owns and inherits only what is declared here."""

    grants: tuple[TableGrant, ...] = ()
    member_of: tuple[str, ...] = ()
    owns_schema: bool = False
    temporary_tables: bool = False  # TEMPORARY on the database: for loads that stage rows before they merge them
    sees_every_row: bool = False  # BYPASSRLS: row-level security hides nothing; only for a read-only account
    reads_every_table: bool = False  # SELECT on all present and future tables. pg_read_all_data would read password verifiers too
    functions: tuple[str, ...] = ()  # closed to others (christmas/blueprint/postgres_bounds.py); with its schema unless PostgreSQL's own
    temporary_files_mib: int = 256  # per session; only a superuser can raise it
    connection_limit: int = 20
    statement_timeout: timedelta = timedelta(seconds=30)
    settings: tuple[tuple[str, str], ...] = NO_VALUES_IN_THE_LOG  # of the server, for this role's sessions
    networks: tuple[Network, ...] = (Network.PLATFORM, Network.HOST)


class KeyAccess(StrEnum):
    """A Redis account's access to the keys of a keyspace."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "read_write"


@dataclass(frozen=True, slots=True)
class KeyspaceCommands:
    """Commands that an account may run only on the keys of these keyspaces."""

    keyspaces: tuple[str, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisUser:
    """An ACL user: its keyspaces, the commands on all of them, and the commands on some. Scripting is never allowed."""

    keyspaces: tuple[tuple[str, KeyAccess], ...] = ()
    every_key: KeyAccess | None = None
    commands: tuple[str, ...] = ()
    only: tuple[KeyspaceCommands, ...] = ()
    channels: tuple[str, ...] = ()
    networks: tuple[Network, ...] = (Network.PLATFORM, Network.HOST)

    def __post_init__(self) -> None:
        forbidden = {"@all", "@scripting", "eval", "evalsha", "fcall", "function", "script"}
        every_command = set(self.commands).union(*(commands.commands for commands in self.only))
        require(not forbidden & every_command, "a Redis account may never run scripts or everything")
        unknown = {name for commands in self.only for name in commands.keyspaces} - {name for name, _ in self.keyspaces}
        require(not unknown, f"commands on keyspaces that the account has not: {sorted(unknown)}")


@dataclass(frozen=True, slots=True)
class WeaviatePermission:
    """One action of Weaviate's RBAC on the collections whose names match `collection` (`*` for all), a regular expression without braces.

    An action on aliases applies to those called `alias` of such collections.
    """

    action: str
    collection: str = "*"
    alias: str | None = None

    def __post_init__(self) -> None:
        require((self.alias is not None) == self.action.endswith("_aliases"), f"{self.action} needs the name of an alias, and others none")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeaviateUser:
    """A database user. It has a role with `permissions`, or one of Weaviate's built-in roles."""

    permissions: tuple[WeaviatePermission, ...] = ()
    built_in_role: str | None = None
    networks: tuple[Network, ...] = (Network.PLATFORM, Network.HOST)

    def __post_init__(self) -> None:
        require(bool(self.permissions) != bool(self.built_in_role), "a Weaviate account has permissions or a built-in role")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A service's identity; at most one in each store, shared with no other service."""

    name: str
    purpose: str
    postgres: PostgresRole | None = None
    redis: RedisUser | None = None
    weaviate: WeaviateUser | None = None

    def __post_init__(self) -> None:
        require(bool(_NAME.match(self.name)), f"account {self.name!r}: not a plain lower-case name")
        require(any((self.postgres, self.redis, self.weaviate)), f"account {self.name}: exists in no store")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRules:
    """When backups are made and how long they are kept (backup retention).

    `copies` names the further places that every stack must have in its settings; a stack may have more.
    A set takes over the count of what didn't change; a share of that (`recount_share`) and all that was counted `recount_every` ago is
    counted again all the same. The first drill waits for `first_drill_after` the first set, so that a new stack answers fast while somebody
    tries it. `archive_timeout` leaves time for archiving within `loss_at_most`: the commits of PostgreSQL that a lost machine may cost.
    While commits wait longer than `commit_waits_at_most` for the disk, a physical backup stands still.
    """

    full_every: timedelta
    incremental_every: timedelta
    logical_every: timedelta
    recount_every: timedelta
    recount_share: float
    first_drill_after: timedelta
    drill_every: timedelta
    archive_timeout: timedelta
    loss_at_most: timedelta
    commit_waits_at_most: timedelta
    keep_fulls: int
    keep_days: int
    keep_weeks: int
    minimum_redundancy: int
    warn_after: timedelta
    critical_after: timedelta
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRules:
    """The intervals of a stack's own work besides backups. The scheduler is late after `late_after` without a sign of life.

    Every `wake_every` it looks for work that is due. Failed work is tried again after `retry_first`, then after twice as long each time,
    `retry_last` at most.
    Indicators are computed after rollups changed, at most every `indicators_every`. Work that begins more than `late_after` past its
    due time is a delay, which is reported with its reason.
    """

    wake_every: timedelta
    retry_first: timedelta
    retry_last: timedelta
    upkeep_every: timedelta
    indicators_every: timedelta
    check_every: timedelta
    growth_every: timedelta
    late_after: timedelta
    keep_history: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRules:
    """Accounts' passwords and keys: after a rotation the former ones are valid for `overlap`, and are taken away `end_within` afterwards.

    The schedule looks for such every `looked_every`. Older ones than `renew_after` are told of. A new CA is trusted beside the former one
    for an overlap before servers show its certificates, and the former one for another overlap afterwards. CAs older than
    `renew_authority_after` are told of.
    """

    overlap: timedelta
    end_within: timedelta
    looked_every: timedelta
    renew_after: timedelta
    renew_authority_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one service. Memory in MiB; `cpus` in cores; `stop_seconds` until a stop becomes a kill.

    `processes` bounds processes and threads of the service's user, which Linux counts over all containers of a host together.
    `process_share` is the part of the memory that one process may use.
    """

    memory_mib: int
    cpus: float
    stop_seconds: int
    tmpfs_mib: int
    log_mib: int = 10
    log_files: int = 3
    processes: int = 16_384
    process_share: float = 1.0

    @property
    def process_mib(self) -> int | None:
        """MiB that one process may use, without shared memory; None if it is not less than everything."""
        return max(256, round(self.memory_mib * self.process_share)) if self.process_share < 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A container of the platform: its name is also its host name in the network.

    `ports` maps a port's meaning to its number inside the network; those in `published` are also published on the host's loopback,
    from the preferred host port given there. `aliases` are further names of it in the network. An `inner` service is in the inner network
    alone: applications reach it through the service that has its name as an alias. `inner_ports` and `inner_aliases` are what a service of
    both networks is to those in the inner one. `neighbours` are ports that no setting of the service
    closes to others in its network (docs/adr/0015). `user` is the `uid:gid` in this project's own image; for another image it is in the
    stack's settings.
    """

    name: str
    comment: str
    user: str
    ports: dict[str, int] = field(hash=False)
    published: dict[str, int] = field(hash=False)
    limits: Limits
    neighbours: dict[str, int] = field(default_factory=dict, hash=False)
    aliases: tuple[str, ...] = ()
    inner: bool = False
    inner_ports: dict[str, int] = field(default_factory=dict, hash=False)
    inner_aliases: tuple[str, ...] = ()
