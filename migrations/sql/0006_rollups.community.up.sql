-- Longer candles as continuous aggregates, the columnstore and the jobs that keep both (Community edition).

alter table market_data set (
    timescaledb.enable_columnstore,
    timescaledb.segmentby = 'symbol',
    timescaledb.orderby = 'timestamp desc'
);

alter table technical_indicators set (
    timescaledb.enable_columnstore,
    timescaledb.segmentby = 'symbol',
    timescaledb.orderby = 'timestamp desc'
);

call add_columnstore_policy('market_data', after => interval '30 days');
call add_columnstore_policy('technical_indicators', after => interval '30 days');

create materialized view candles_5m
with (timescaledb.continuous) as
select
    symbol,
    time_bucket(interval '5 minutes', timestamp) as bucket,
    first(open, timestamp) as open,
    max(high) as high,
    min(low) as low,
    last(close, timestamp) as close,
    sum(volume) as volume
from market_data
group by symbol, time_bucket(interval '5 minutes', timestamp)
with no data;

comment on view candles_5m is 'Candles of five minutes, from market_data';
comment on column candles_5m.symbol is 'What is traded';
comment on column candles_5m.bucket is 'Start of the interval that the candle covers';
comment on column candles_5m.open is 'First price of the interval';
comment on column candles_5m.high is 'Highest price of the interval';
comment on column candles_5m.low is 'Lowest price of the interval';
comment on column candles_5m.close is 'Last price of the interval';
comment on column candles_5m.volume is 'How much was traded in the interval';

create materialized view candles_1h
with (timescaledb.continuous) as
select
    symbol,
    time_bucket(interval '1 hour', bucket) as bucket,
    first(open, bucket) as open,
    max(high) as high,
    min(low) as low,
    last(close, bucket) as close,
    sum(volume) as volume
from candles_5m
group by symbol, time_bucket(interval '1 hour', bucket)
with no data;

comment on view candles_1h is 'Candles of an hour, from candles_5m';
comment on column candles_1h.symbol is 'What is traded';
comment on column candles_1h.bucket is 'Start of the interval that the candle covers';
comment on column candles_1h.open is 'First price of the interval';
comment on column candles_1h.high is 'Highest price of the interval';
comment on column candles_1h.low is 'Lowest price of the interval';
comment on column candles_1h.close is 'Last price of the interval';
comment on column candles_1h.volume is 'How much was traded in the interval';

create materialized view candles_1d
with (timescaledb.continuous) as
select
    symbol,
    time_bucket(interval '1 day', bucket) as bucket,
    first(open, bucket) as open,
    max(high) as high,
    min(low) as low,
    last(close, bucket) as close,
    sum(volume) as volume
from candles_1h
group by symbol, time_bucket(interval '1 day', bucket)
with no data;

comment on view candles_1d is 'Candles of a day in UTC, from candles_1h';
comment on column candles_1d.symbol is 'What is traded';
comment on column candles_1d.bucket is 'Start of the interval that the candle covers';
comment on column candles_1d.open is 'First price of the interval';
comment on column candles_1d.high is 'Highest price of the interval';
comment on column candles_1d.low is 'Lowest price of the interval';
comment on column candles_1d.close is 'Last price of the interval';
comment on column candles_1d.volume is 'How much was traded in the interval';

-- Late candles are taken in as far back as candles are kept, less a year: a refresh over dropped candles would drop what was made of them.
-- No end: the interval that is still running is shown as far as it has come.
select add_continuous_aggregate_policy(
    'candles_5m', start_offset => interval '10585 days', end_offset => null, schedule_interval => interval '5 minutes'
);
select add_continuous_aggregate_policy(
    'candles_1h', start_offset => interval '10585 days', end_offset => null, schedule_interval => interval '30 minutes'
);
select add_continuous_aggregate_policy(
    'candles_1d', start_offset => interval '10585 days', end_offset => null, schedule_interval => interval '1 hour'
);

select add_retention_policy('market_data', drop_after => interval '10950 days');
select add_retention_policy('technical_indicators', drop_after => interval '10950 days');
