-- When a transaction was committed, in microseconds; nothing where the server has no such commit, or keeps no times of commits: it would refuse.
select
    case
        when current_setting('track_commit_timestamp') = 'on'
            then (extract(epoch from pg_xact_commit_timestamp((%s::bigint %% 4294967296)::text::xid)) * 1000000)::bigint
    end as committed
