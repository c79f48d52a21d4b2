-- Where a load lands first: no WAL, no index, gone with the transaction.
create temporary table staged_candles (
    symbol varchar(20) not null,
    timestamp timestamptz not null,
    open numeric(19, 4),
    high numeric(19, 4),
    low numeric(19, 4),
    close numeric(19, 4),
    volume numeric(19, 4)
) on commit drop;
