-- Until when the oldest chunks reach that lie wholly before the moment, at most so many of them; null where there is none.
with old as (
    select range_end
    from timescaledb_information.chunks
    where hypertable_schema = 'public' and hypertable_name = %(name)s and range_end <= %(before)s
    order by range_end
    limit %(limit)s
)

select max(range_end) from old;
