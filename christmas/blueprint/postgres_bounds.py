"""An account's rights in PostgreSQL besides reading and writing tables, and the bounds that it can't raise itself.

PostgreSQL lets everybody run most functions of its own and of its extensions. Here the default is reversed: of the functions that
may change something (volatile ones) everybody may run those in `OPEN_FUNCTIONS`, each group with its reason, and no
other. Accounts that need a closed function name it (`PostgresRole.functions`). docs/adr/0011.
"""

from __future__ import annotations

ADVISORY_LOCKS = (
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
)
"""Any number can be locked: a role with these can take all locks, also the migrations', and fill the server's lock table."""

CLOSED_STABLE_FUNCTIONS = ("pg_current_xact_id", "txid_current")
"""Declared stable, but the first call in each transaction uses up a transaction number, which are limited."""

_CLOCKS_AND_CHANCE = (
    "clock_timestamp timeofday random random_normal setseed gen_random_uuid array_sample array_shuffle bernoulli system pg_sleep"
    " pg_sleep_for pg_sleep_until"
)
_OWN_SESSION = (
    # SET and NOTIFY do the same without a function.
    "set_config pg_notify current_query currval lastval nextval setval currtid2 pg_advisory_unlock pg_advisory_unlock_shared"
    " pg_advisory_unlock_all pg_stat_clear_snapshot pg_stat_force_next_flush pg_isolation_test_session_is_blocked pg_jit_available"
    " pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time"
    " pg_stat_get_xact_function_total_time pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched"
    " pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated"
    " pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated"
)
_OWN_STATEMENTS = (
    # They run SQL, or a cursor's, with the caller's rights.
    "cursor_to_xml cursor_to_xmlschema query_to_xml query_to_xml_and_xmlschema query_to_xmlschema ts_rewrite ts_stat dsnowball_init"
    " dsnowball_lexize amvalidate brinhandler bthandler ginhandler gisthandler hashhandler spghandler heap_tableam_handler"
    " plpgsql_call_handler plpgsql_inline_handler plpgsql_validator ts_hypercore_handler ts_hypercore_proxy_handler"
)
_SERVER_SEEN = (
    # They read positions, sizes and states of the server, no rows or statements.
    "pg_blocking_pids pg_safe_snapshot_blocking_pids pg_collation_actual_version pg_database_collation_actual_version pg_control_checkpoint"
    " pg_control_init pg_control_recovery pg_control_system pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn"
    " pg_database_size pg_indexes_size pg_relation_size pg_table_size pg_tablespace_size pg_total_relation_size pg_partition_ancestors"
    " pg_partition_tree pg_get_multixact_members pg_get_wait_events pg_get_wal_resource_managers pg_get_wal_summarizer_state"
    " pg_is_in_recovery pg_is_wal_replay_paused pg_get_wal_replay_pause_state pg_last_committed_xact pg_last_wal_receive_lsn"
    " pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage pg_prepared_xact"
    " pg_sequence_last_value pg_stat_get_io pg_stat_get_recovery_prefetch pg_xact_commit_timestamp pg_xact_commit_timestamp_origin"
    " pg_xact_status txid_status"
)
_TIMESCALE_READS = (
    # For queries and for TimescaleDB's size views. Policies, jobs and changes of tables belong to the schema owner.
    "time_bucket_gapfill interpolate locf by_hash by_range approximate_row_count chunks_detailed_size hypertable_detailed_size"
    " hypertable_index_size hypertable_size hypertable_approximate_detailed_size hypertable_approximate_size show_tablespaces"
    " chunks_local_size hypertable_local_size indexes_local_size relation_size relation_approximate_size get_approx_row_count chunk_status"
    " calculate_chunk_interval cagg_get_bucket_function_info time_to_internal get_orderby_defaults get_segmentby_defaults"
    " get_create_command tsl_loaded generate_uuid cagg_watermark cagg_watermark_materialized chunk_id_from_relid"
    " compressed_chunk_local_stats get_partition_for_key get_partition_hash interval_to_usec partialize_agg range_value_to_pretty"
    " subtract_integer_from_now to_date to_interval to_timestamp to_timestamp_without_timezone"
    " to_unix_microseconds extension_state is_compressed_tid show_policies"
    # The platform's own (docs/adr/0517): it only raises an error, which says what to write instead of a comparison.
    " refuse_sealed_comparison"
    # Without pg_read_all_stats they show the caller only its own statements.
    " pg_stat_statements pg_stat_statements_info"
)

OPEN_FUNCTIONS: frozenset[str] = frozenset(
    " ".join((_CLOCKS_AND_CHANCE, _OWN_SESSION, _OWN_STATEMENTS, _SERVER_SEEN, _TIMESCALE_READS)).split()
)
"""Names of the volatile functions that everybody may run, with any arguments. Procedures count as functions."""

NOTIFY_QUEUE_PAGES = 8192
"""Pages of 8 KiB for waiting notifications: NOTIFY can't be revoked, and a sleeping listener would fill 8 GiB."""

AUTHENTICATION_SECONDS = 10
"""Seconds within which a connection must have logged in."""
STALLED_LOGINS = 20
"""Unauthenticated connections allowed per address; above that, those older than a second are ended."""

TEMPORARY_FILES_AT_MOST_MIB = 8192
"""MiB of temporary files per session, for any account: no account has more."""
