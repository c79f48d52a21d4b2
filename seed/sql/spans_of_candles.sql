-- The time ranges of the candles' chunks, put together by the given number of chunks, oldest first. A statement over one of them plans and
-- opens only those chunks; over thousands of chunks a process would need more memory than it may have.
with numbered as (
    select
        c.range_start,
        c.range_end,
        (row_number() over (order by c.range_start) - 1) / %(chunks)s as span
    from timescaledb_information.chunks as c
    where c.hypertable_schema = 'public' and c.hypertable_name = 'market_data'
)

select min(n.range_start), max(n.range_end)
from numbered as n
group by n.span
order by n.span;
