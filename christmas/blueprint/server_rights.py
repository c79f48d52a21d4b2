"""What an account may do to PostgreSQL itself, besides tables and functions: the database, schemas, settings, system views, the server.

PostgreSQL decides most of it by rules of its own; here stands what the platform counts on, and `invoke accounts.matrix --prove` tries each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from christmas.blueprint.relational import DATABASE, SCHEMA


class Who(StrEnum):
    """Which of the login roles may."""

    EVERYBODY = "everybody"
    NOBODY = "nobody"
    OWNER = "the schema's owner"
    TEMPORARY = "the schema's owner and roles with temporary tables"
    READER = "roles that read every table"


@dataclass(frozen=True, slots=True)
class ServerRight:
    """An action on a thing of the server, and who may. `kind` and `name` together name the thing."""

    kind: str
    name: str
    action: str
    who: Who


OPEN_SETTINGS = (
    # A session may set these whoever it is: no rule of PostgreSQL's can forbid it (docs/adr/0011 has what bounds them).
    "statement_timeout",
    "lock_timeout",
    "transaction_timeout",
    "idle_in_transaction_session_timeout",
    "work_mem",
    "maintenance_work_mem",
    "temp_buffers",
    "search_path",
)
CLOSED_SETTINGS = (
    # Bounds, the log and the audit.
    "temp_file_limit",
    "log_statement",
    "log_min_messages",
    "log_min_error_statement",
    "log_error_verbosity",
    "log_min_duration_statement",
    "log_parameter_max_length",
    "pgaudit.log",
    "pgaudit.log_parameter",
    "pgaudit.role",
    "pg_stat_statements.track_utility",
    "track_activities",
    # Without triggers rows would be written past their rules; a library would run with the server's rights.
    "session_replication_role",
    "session_preload_libraries",
    "dynamic_library_path",
    "event_triggers",
    "zero_damaged_pages",
    "allow_system_table_mods",
)
OPEN_VIEWS = ("pg_settings", "pg_roles", "pg_locks", "pg_stats", "pg_stat_activity", "pg_stat_database")
"""They show every account the server's state, and of others' statements nothing (docs/adr/0012)."""
CLOSED_VIEWS = (
    "pg_authid",
    "pg_shadow",
    "pg_user_mapping",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_subscription",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_file_settings",
    "pg_config",
    "pg_backend_memory_contexts",
    "pg_shmem_allocations",
    "pg_replication_origin_status",
)
OTHER_DATABASES = ("postgres", "template1")

SERVER_RIGHTS: tuple[ServerRight, ...] = (
    ServerRight("database", DATABASE, "connect", Who.EVERYBODY),
    ServerRight("database", DATABASE, "temporary tables", Who.TEMPORARY),
    ServerRight("database", DATABASE, "create schemas", Who.OWNER),
    ServerRight("database", DATABASE, "publish", Who.OWNER),
    ServerRight("database", DATABASE, "change", Who.OWNER),
    *(ServerRight("database", name, "connect", Who.NOBODY) for name in OTHER_DATABASES),
    ServerRight("schema", SCHEMA, "use", Who.EVERYBODY),
    ServerRight("schema", SCHEMA, "create", Who.OWNER),
    ServerRight("schema", SCHEMA, "change", Who.OWNER),
    ServerRight("schema", "watch", "create", Who.NOBODY),
    ServerRight("schema", "watch", "change", Who.NOBODY),
    ServerRight("schema", "pg_catalog", "create", Who.NOBODY),
    ServerRight("large objects", "", "make", Who.NOBODY),
    ServerRight("large objects", "", "make with content", Who.NOBODY),
    ServerRight("large objects", "", "write", Who.NOBODY),
    ServerRight("large objects", "", "remove", Who.NOBODY),
    ServerRight("large objects", "", "read all", Who.READER),
    *(ServerRight("setting", name, "set", Who.EVERYBODY) for name in OPEN_SETTINGS),
    *(ServerRight("setting", name, "set", Who.NOBODY) for name in CLOSED_SETTINGS),
    *(ServerRight("view", name, "select", Who.EVERYBODY) for name in OPEN_VIEWS),
    *(ServerRight("view", name, "select", Who.NOBODY) for name in CLOSED_VIEWS),
    # What a role does to itself can't be forbidden; the next `up` undoes it, and checks tell before (docs/adr/0011).
    ServerRight("own role", "", "set a setting for good", Who.EVERYBODY),
    ServerRight("own role", "", "change the password", Who.EVERYBODY),
    ServerRight("own role", "", "lift the connection limit", Who.NOBODY),
    ServerRight("own role", "", "lift the temporary files", Who.NOBODY),
    ServerRight("own role", "", "become superuser", Who.NOBODY),
    ServerRight("own role", "", "join another role", Who.NOBODY),
    ServerRight("own role", "", "bypass row security", Who.NOBODY),
    ServerRight("server", "", "be the superuser", Who.NOBODY),
    ServerRight("server", "", "be the watch", Who.NOBODY),
    ServerRight("server", "", "be the audit", Who.NOBODY),
    ServerRight("server", "", "be another account", Who.NOBODY),
    ServerRight("server", "", "log in as another", Who.NOBODY),
    ServerRight("server", "", "make a role", Who.NOBODY),
    ServerRight("server", "", "make a database", Who.NOBODY),
    ServerRight("server", "", "make a tablespace", Who.NOBODY),
    ServerRight("server", "", "change a setting for all", Who.NOBODY),
    ServerRight("server", "", "checkpoint", Who.NOBODY),
    ServerRight("server", "", "run a program", Who.NOBODY),
    ServerRight("server", "", "write a file", Who.NOBODY),
    ServerRight("server", "", "read a file", Who.NOBODY),
    ServerRight("server", "", "load a library", Who.NOBODY),
    ServerRight("server", "", "make a language", Who.NOBODY),
    ServerRight("server", "", "make an event trigger", Who.NOBODY),
    ServerRight("server", "", "make a foreign server", Who.NOBODY),
    ServerRight("server", "", "subscribe", Who.NOBODY),
    ServerRight("server", "", "replicate", Who.NOBODY),
    ServerRight("server", "", "listen", Who.EVERYBODY),
    ServerRight("server", "", "notify", Who.EVERYBODY),
)
