-- The specification's market_data, to be compared with: its statements as they are, but for the primary key, which a hypertable
-- refuses without the time column. create_hypertable cuts it into its usual seven days and adds its usual index on the time.
create schema if not exists specification;
create table specification.market_data (
    id bigserial,
    symbol varchar(20) not null,
    timestamp timestamptz not null,
    open numeric(19, 4),
    high numeric(19, 4),
    low numeric(19, 4),
    close numeric(19, 4),
    volume numeric(19, 4),
    created_at timestamptz default now(),
    primary key (id, timestamp)
);
select create_hypertable('specification.market_data', 'timestamp');
create index idx_market_data_symbol on specification.market_data (symbol);
