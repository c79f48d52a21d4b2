-- When a transaction was committed, in microseconds; nothing where the server has no such commit.
select (extract(epoch from pg_xact_commit_timestamp((%s::bigint %% 4294967296)::text::xid)) * 1000000)::bigint
