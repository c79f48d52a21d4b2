-- Longer candles where the server has no continuous aggregates (Apache edition): tables, filled by `invoke migrate.upkeep` from the days
-- that triggers note down. The types are what the aggregates of the Community edition give, so that both answer alike.

create table candle_changes (
    symbol varchar(20) not null,
    day timestamptz not null
);

comment on table candle_changes is 'Days whose candles changed since the longer candles were computed; emptied by upkeep';
comment on column candle_changes.symbol is 'Symbol of the changed candles';
comment on column candle_changes.day is 'Midnight UTC of their day';

-- Writers of candles have no right to the list itself, so it is written for them.
create function note_candle_changes() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $$
begin
    insert into public.candle_changes (symbol, day)
    select distinct changed.symbol, public.time_bucket('1 day', changed.timestamp)
    from changed;
    return null;
end
$$;

comment on function note_candle_changes() is 'Notes the days of candles that were inserted or deleted';

create function note_candle_moves() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $$
begin
    insert into public.candle_changes (symbol, day)
    select changed.symbol, public.time_bucket('1 day', changed.timestamp)
    from changed
    union
    select was.symbol, public.time_bucket('1 day', was.timestamp)
    from was;
    return null;
end
$$;

comment on function note_candle_moves() is 'Notes the days of candles that were updated, before and after';

create function empty_rollups() returns trigger
language plpgsql
security definer
set search_path = pg_catalog
as $$
begin
    truncate public.candle_changes, public.candles_5m, public.candles_1h, public.candles_1d;
    return null;
end
$$;

comment on function empty_rollups() is 'Empties the longer candles along with the candles';

revoke all on function note_candle_changes() from public;
revoke all on function note_candle_moves() from public;
revoke all on function empty_rollups() from public;

create table candles_5m (
    symbol varchar(20) not null,
    bucket timestamptz not null,
    open numeric,
    high numeric,
    low numeric,
    close numeric,
    volume numeric,
    constraint pk_candles_5m primary key (symbol, bucket)
);

comment on table candles_5m is 'Candles of five minutes, from market_data';
comment on column candles_5m.symbol is 'What is traded';
comment on column candles_5m.bucket is 'Start of the interval that the candle covers';
comment on column candles_5m.open is 'First price of the interval';
comment on column candles_5m.high is 'Highest price of the interval';
comment on column candles_5m.low is 'Lowest price of the interval';
comment on column candles_5m.close is 'Last price of the interval';
comment on column candles_5m.volume is 'How much was traded in the interval';

select create_hypertable('candles_5m', by_range('bucket', interval '84 days'), create_default_indexes => false);

create table candles_1h (
    symbol varchar(20) not null,
    bucket timestamptz not null,
    open numeric,
    high numeric,
    low numeric,
    close numeric,
    volume numeric,
    constraint pk_candles_1h primary key (symbol, bucket)
);

comment on table candles_1h is 'Candles of an hour, from candles_5m';
comment on column candles_1h.symbol is 'What is traded';
comment on column candles_1h.bucket is 'Start of the interval that the candle covers';
comment on column candles_1h.open is 'First price of the interval';
comment on column candles_1h.high is 'Highest price of the interval';
comment on column candles_1h.low is 'Lowest price of the interval';
comment on column candles_1h.close is 'Last price of the interval';
comment on column candles_1h.volume is 'How much was traded in the interval';

select create_hypertable('candles_1h', by_range('bucket', interval '364 days'), create_default_indexes => false);

create table candles_1d (
    symbol varchar(20) not null,
    bucket timestamptz not null,
    open numeric,
    high numeric,
    low numeric,
    close numeric,
    volume numeric,
    constraint pk_candles_1d primary key (symbol, bucket)
);

comment on table candles_1d is 'Candles of a day in UTC, from candles_1h';
comment on column candles_1d.symbol is 'What is traded';
comment on column candles_1d.bucket is 'Start of the interval that the candle covers';
comment on column candles_1d.open is 'First price of the interval';
comment on column candles_1d.high is 'Highest price of the interval';
comment on column candles_1d.low is 'Lowest price of the interval';
comment on column candles_1d.close is 'Last price of the interval';
comment on column candles_1d.volume is 'How much was traded in the interval';

select create_hypertable('candles_1d', by_range('bucket', interval '3640 days'), create_default_indexes => false);

create trigger market_data_inserted
after insert on market_data
referencing new table as changed
for each statement execute function note_candle_changes();

create trigger market_data_updated
after update on market_data
referencing old table as was new table as changed
for each statement execute function note_candle_moves();

create trigger market_data_deleted
after delete on market_data
referencing old table as changed
for each statement execute function note_candle_changes();

create trigger market_data_truncated
after truncate on market_data
for each statement execute function empty_rollups();

-- Candles that are there already.
insert into candle_changes (symbol, day)
select distinct
    symbol,
    time_bucket('1 day', timestamp) as day
from market_data;
