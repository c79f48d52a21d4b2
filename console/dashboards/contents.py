"""The dashboards' contents: what a person on call looks at, and in which order.

Bounds are named as in the alert rules; the names of figures are those that docs/monitoring.md lists.
"""

from __future__ import annotations

from console.dashboards.panels import Dashboard, Panel, Query, Row


def _figure(title: str, expression: str, unit: str = "short", **more: object) -> Panel:
    return Panel(title, (Query(expression),), unit, "figure", **more)  # type: ignore[arg-type]


def _line(title: str, expression: str, legend: str, unit: str = "short", **more: object) -> Panel:
    return Panel(title, (Query(expression, legend),), unit, **more)  # type: ignore[arg-type]


OVERVIEW = Dashboard(
    "overview",
    "Christmas: overview",
    (
        Row(
            "Now",
            (
                _figure(
                    "Stores that answer",
                    "sum(pg_up) + sum(redis_up) + sum(probe_success{service='weaviate'})",
                    critical="1",
                    warn="3",
                    low=True,
                ),
                _figure("Alerts", "count(ALERTS{alertstate='firing'}) or vector(0)", warn="1", critical="3"),
                _figure("Critical checks", "count(christmas_check_status == 2) or vector(0)", critical="1"),
                _figure(
                    "Age of the newest set",
                    "time() - christmas_backup_newest_timestamp_seconds",
                    "s",
                    critical="@backup.newest_critical_after@",
                ),
                _figure("Last drill passed", "christmas_drill_passed", critical="0", warn="1", low=True),
                _figure(
                    "Disk free",
                    "christmas:disk_free:share",
                    "percentunit",
                    warn="@host.disk_warn@",
                    critical="@host.disk_critical@",
                    low=True,
                ),
            ),
        ),
        Row("Checks", (Panel("Each check over time", (Query("christmas_check_status", "{{check}}"),), shape="states"),)),
        Row(
            "What is asked of the stores",
            (
                _line("Transactions of PostgreSQL", "sum by (datname) (rate(pg_stat_database_xact_commit[5m]))", "{{datname}}", "ops"),
                _line("Commands of Redis", "sum(rate(redis_commands_processed_total[5m]))", "commands", "ops"),
                _line("Time until an answer", "probe_duration_seconds", "{{service}}", "s"),
                _line("Work of the schedule that fails", "christmas_work_failures", "{{work}}", critical="1"),
            ),
        ),
    ),
)

POSTGRES = Dashboard(
    "postgres",
    "Christmas: PostgreSQL",
    (
        Row(
            "Sessions",
            (
                _line(
                    "Share of all connections", "christmas:postgres_connections:share", "taken", "percentunit",
                    warn="@postgres.connections_warn@", critical="@postgres.connections_critical@",
                ),
                _line("Sessions", "sum by (datname) (pg_stat_database_numbackends)", "{{datname}}"),
                _line("Longest wait for a lock", "christmas_check_value{check='postgres.locks'}", "longest", "s"),
                _line("Locks", "sum by (mode) (pg_locks_count)", "{{mode}}"),
            ),
        ),
        Row(
            "Work",
            (
                Panel(
                    "Transactions",
                    (
                        Query("sum(rate(pg_stat_database_xact_commit[5m]))", "committed"),
                        Query("sum(rate(pg_stat_database_xact_rollback[5m]))", "rolled back"),
                    ),
                    "ops",
                ),
                _line(
                    "Pages found in memory",
                    "sum(rate(pg_stat_database_blks_hit[5m]))"
                    " / (sum(rate(pg_stat_database_blks_hit[5m])) + sum(rate(pg_stat_database_blks_read[5m])) > 0)",
                    "share",
                    "percentunit",
                ),
                _line("Deadlocks an hour", "sum(increase(pg_stat_database_deadlocks[1h]))", "deadlocks", warn="@postgres.deadlocks_warn@"),
                _line("Temporary files", "sum by (datname) (rate(pg_stat_database_temp_bytes[5m]))", "{{datname}}", "Bps"),
            ),
        ),
        Row(
            "Size",
            (
                _line("Databases", "pg_database_size_bytes", "{{datname}}", "bytes"),
                _line(
                    "Transaction numbers used", "max(pg_database_wraparound_age_datfrozenxid_seconds) / 2147483648", "share", "percentunit",
                    warn="@postgres.wraparound_warn@", critical="@postgres.wraparound_critical@",
                ),
            ),
        ),
    ),
)  # fmt: skip

REDIS = Dashboard(
    "redis",
    "Christmas: Redis",
    (
        Row(
            "Memory and keys",
            (
                Panel("Memory", (Query("redis_memory_used_bytes", "used"), Query("redis_memory_max_bytes", "limit")), "bytes"),
                _line("Keys", "redis_db_keys > 0", "{{db}}"),
                _line("Keys found", "christmas:redis_hits:share", "share", "percentunit"),
                Panel(
                    "Keys that went",
                    (Query("rate(redis_expired_keys_total[5m])", "expired"), Query("rate(redis_evicted_keys_total[5m])", "evicted")),
                    "ops",
                ),
            ),
        ),
        Row(
            "Clients and commands",
            (
                Panel("Clients", (Query("redis_connected_clients", "connected"), Query("redis_blocked_clients", "blocked"))),
                _line("Commands", "topk(10, sum by (cmd) (rate(redis_commands_total[5m])))", "{{cmd}}", "ops"),
                _line("Refused connections", "increase(redis_rejected_connections_total[5m])", "refused", critical="1"),
                _line("Bytes out", "rate(redis_net_output_bytes_total[5m])", "out", "Bps"),
            ),
        ),
    ),
)

WEAVIATE = Dashboard(
    "documents",
    "Christmas: documents and answers",
    (
        Row(
            "Weaviate and the embedder",
            (
                _line("Answers", "probe_success", "{{service}}", critical="0", warn="1", low=True),
                _line("Time until an answer", "probe_duration_seconds", "{{service}}", "s"),
                _line("What the checks count", "christmas_check_value{check=~'weaviate.*|embedder.*|documents.*'}", "{{check}} ({{unit}})"),
                _line("Certificates end in", "probe_ssl_earliest_cert_expiry - time()", "{{service}}", "s"),
            ),
        ),
    ),
)

BACKUPS = Dashboard(
    "backups",
    "Christmas: backups and drills",
    (
        Row(
            "Sets",
            (
                _line("Sets", "christmas_backup_sets", "{{kind}}"),
                _line(
                    "Age of the newest set of all stores", "time() - christmas_backup_newest_timestamp_seconds", "age", "s",
                    critical="@backup.newest_critical_after@",
                ),
                _line("Size of that set", "christmas_backup_newest_bytes", "bytes", "bytes"),
                _line("Work done before", "time() - christmas_work_done_timestamp_seconds", "{{work}}", "s"),
            ),
        ),
        Row(
            "Drills",
            (
                _line("Last drill before", "time() - christmas_drill_timestamp_seconds", "age", "s"),
                _line("Until every store answered (RTO)", "christmas_drill_restore_seconds", "RTO", "s"),
                _line("What would have been lost (RPO)", "christmas_drill_loss_seconds", "{{store}}", "s"),
            ),
        ),
    ),
)  # fmt: skip

MACHINE = Dashboard(
    "machine",
    "Christmas: the machine",
    (
        Row(
            "Machine",
            (
                _line(
                    "Processors in use", "1 - avg(rate(node_cpu_seconds_total{mode='idle'}[5m]))", "share", "percentunit",
                ),
                _line("Load of one minute", "node_load1", "load"),
                _line(
                    "Memory left", "christmas:memory_available:share", "share", "percentunit",
                    warn="@host.memory_warn@", critical="@host.memory_critical@", low=True,
                ),
                _line(
                    "Disk free", "christmas:disk_free:share", "share", "percentunit",
                    warn="@host.disk_warn@", critical="@host.disk_critical@", low=True,
                ),
                _line("Waiting for the disk", "rate(node_pressure_io_waiting_seconds_total[5m])", "share of time", "percentunit"),
                _line("Ended for want of memory", "increase(node_vmstat_oom_kill[1h])", "processes", critical="1"),
            ),
        ),
        Row(
            "The monitoring itself",
            (
                _line("Addresses that answer", "up", "{{job}}", critical="0", warn="1", low=True),
                _line("Series", "prometheus_tsdb_head_series", "series"),
                _line("Memory", "process_resident_memory_bytes", "{{job}}", "bytes"),
                _line(
                    "Failed messages", "sum by (integration) (rate(alertmanager_notifications_failed_total[1h]))", "{{integration}}",
                    critical="1",
                ),
            ),
        ),
    ),
)  # fmt: skip

DASHBOARDS = (OVERVIEW, POSTGRES, REDIS, WEAVIATE, BACKUPS, MACHINE)
