"""For each alert: series that fire it, and such that just don't, in promtool's notation, and when each is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]
"""A series' name with its labels, and its values: `0x40` is 41 times zero, `0+1x40` counts up."""

_DISK = '{mountpoint="/var/lib/monitoring"}'
_WEAVIATE = '{service="weaviate", job="probe-https", instance="https://weaviate"}'
_EMBEDDER = '{service="embedder", job="probe-https", instance="https://embedder"}'


@dataclass(frozen=True, slots=True)
class Case:
    """One alert's two cases. Values are a minute apart."""

    alert: str
    fires: Series
    quiet: Series
    at: str = "10m"


CASES = (
    Case("PostgresDown", {"pg_up": "1x5 0x10"}, {"pg_up": "1x15"}),
    # 135 of 150 connections are nine tenths.
    Case(
        "PostgresConnectionsRunOut",
        {'pg_stat_database_numbackends{datname="a"}': "100x15", 'pg_stat_database_numbackends{datname="b"}': "35x15"},
        {'pg_stat_database_numbackends{datname="a"}': "100x15", 'pg_stat_database_numbackends{datname="b"}': "34x15"},
    ),
    Case("PostgresDeadlocks", {"pg_stat_database_deadlocks": "0x40 6x20"}, {"pg_stat_database_deadlocks": "0x40 4x20"}, "60m"),
    Case(
        "PostgresTransactionNumbersRunOut",
        {'pg_database_wraparound_age_datfrozenxid_seconds{datname="a"}': "1073741824x15"},
        {'pg_database_wraparound_age_datfrozenxid_seconds{datname="a"}': "1073741000x15"},
    ),
    Case("RedisDown", {"redis_up": "1x5 0x10"}, {"redis_up": "1x15"}),
    Case("RedisRefusesConnections", {"redis_rejected_connections_total": "0x7 1x8"}, {"redis_rejected_connections_total": "7x15"}),
    Case("RedisEvicts", {"redis_evicted_keys_total": "0x50 3x15"}, {"redis_evicted_keys_total": "9x65"}, "60m"),
    Case(
        "RedisDoesNotSave",
        {"redis_rdb_last_bgsave_status": "1x15", "redis_aof_last_write_status": "1x5 0x10", "redis_aof_last_bgrewrite_status": "1x15"},
        {"redis_rdb_last_bgsave_status": "1x15", "redis_aof_last_write_status": "1x15", "redis_aof_last_bgrewrite_status": "1x15"},
    ),
    Case(
        "WeaviateDown",
        {f"probe_success{_WEAVIATE}": "1x5 0x10"},
        {f"probe_success{_WEAVIATE}": "1x15", f"probe_success{_EMBEDDER}": "0x15"},
    ),
    Case(
        "EmbedderDown",
        {f"probe_success{_EMBEDDER}": "1x5 0x10"},
        {f"probe_success{_EMBEDDER}": "1x15", f"probe_success{_WEAVIATE}": "0x15"},
    ),
    Case(
        "DiskAlmostFull",
        {f"node_filesystem_avail_bytes{_DISK}": "3x15", f"node_filesystem_size_bytes{_DISK}": "100x15"},
        {f"node_filesystem_avail_bytes{_DISK}": "4x15", f"node_filesystem_size_bytes{_DISK}": "100x15"},
    ),
    # Less than half is free, and a day takes 1,440 times what a minute does.
    Case(
        "DiskFillsUp",
        {f"node_filesystem_avail_bytes{_DISK}": "490000-400x70", f"node_filesystem_size_bytes{_DISK}": "1000000x70"},
        {f"node_filesystem_avail_bytes{_DISK}": "490000-300x70", f"node_filesystem_size_bytes{_DISK}": "1000000x70"},
        "60m",
    ),
    Case(
        "MemoryRunsOut",
        {"node_memory_MemAvailable_bytes": "3x15", "node_memory_MemTotal_bytes": "100x15"},
        {"node_memory_MemAvailable_bytes": "4x15", "node_memory_MemTotal_bytes": "100x15"},
    ),
    Case("KilledForMemory", {"node_vmstat_oom_kill": "5x7 6x8"}, {"node_vmstat_oom_kill": "5x15"}),
    Case(
        "CheckCritical",
        {'christmas_check_status{check="redis.keyspaces"}': "2x15", 'christmas_check_status{check="host.disk"}': "0x15"},
        # A warning, and one that could not be learned.
        {'christmas_check_status{check="redis.keyspaces"}': "1x15", 'christmas_check_status{check="host.disk"}': "3x15"},
    ),
    Case(
        "ScheduleSilent",
        {"christmas_checks_run_timestamp_seconds": "0x60"},
        # At a quarter of an hour's pace: the last run was at minute 45.
        {"christmas_checks_run_timestamp_seconds": "0x14 900x14 1800x14 2700x20"},
        "58m",
    ),
    Case(
        "BackupLate",
        {"christmas_backup_newest_timestamp_seconds": "0x200"},
        {"christmas_backup_newest_timestamp_seconds": "0x59 3600x140"},
        "190m",
    ),
    Case("DrillFailed", {"christmas_drill_passed": "0x15"}, {"christmas_drill_passed": "1x15"}),
    Case(
        "CertificateExpires",
        {'probe_ssl_earliest_cert_expiry{service="redis"}': "86000x15"},
        {'probe_ssl_earliest_cert_expiry{service="redis"}': "88000x15"},
    ),
    Case("NotWatched", {'up{job="redis"}': "1x5 0x10", 'up{job="node"}': "1x15"}, {'up{job="redis"}': "1x15", 'up{job="node"}': "1x15"}),
    Case(
        "AlertsNotSent",
        {'alertmanager_notifications_failed_total{integration="email"}': "0+1x15"},
        {'alertmanager_notifications_failed_total{integration="email"}': "3x15"},
    ),
)
