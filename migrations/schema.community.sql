-- The schema at revision 0011, community edition.
-- Derived from the Apache edition's snapshot and this edition's own SQL; not read back from a server.

-- domain: sealed
create domain sealed as bytea;

-- function: field_key_usage()
CREATE OR REPLACE FUNCTION public.field_key_usage()
 RETURNS TABLE(field text, key_number integer, fingerprint text, row_count bigint)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog'
BEGIN ATOMIC
 WITH heads(field, head, sealed) AS (
          SELECT 'first_name'::text AS "?column?",
             SUBSTRING(user_profiles.first_name FROM 3 FOR 6) AS "substring",
             (SUBSTRING(user_profiles.first_name FROM 1 FOR 2) = '\xc101'::bytea) AS "?column?"
            FROM user_profiles
           WHERE (user_profiles.first_name IS NOT NULL)
         UNION ALL
          SELECT 'last_name'::text,
             SUBSTRING(user_profiles.last_name FROM 3 FOR 6) AS "substring",
             (SUBSTRING(user_profiles.last_name FROM 1 FOR 2) = '\xc101'::bytea)
            FROM user_profiles
           WHERE (user_profiles.last_name IS NOT NULL)
         UNION ALL
          SELECT 'phone'::text,
             SUBSTRING(user_profiles.phone FROM 3 FOR 6) AS "substring",
             (SUBSTRING(user_profiles.phone FROM 1 FOR 2) = '\xc101'::bytea)
            FROM user_profiles
           WHERE (user_profiles.phone IS NOT NULL)
         UNION ALL
          SELECT 'address'::text,
             SUBSTRING(user_profiles.address FROM 3 FOR 6) AS "substring",
             (SUBSTRING(user_profiles.address FROM 1 FOR 2) = '\xc101'::bytea)
            FROM user_profiles
           WHERE (user_profiles.address IS NOT NULL)
         UNION ALL
          SELECT 'phone_index'::text,
             SUBSTRING(user_profiles.phone_index FROM 1 FOR 6) AS "substring",
             (octet_length(user_profiles.phone_index) = 38)
            FROM user_profiles
           WHERE (user_profiles.phone_index IS NOT NULL)
         )
  SELECT heads.field,
         CASE
             WHEN (heads.sealed AND (octet_length(heads.head) = 6)) THEN ((get_byte(heads.head, 0) * 256) + get_byte(heads.head, 1))
             ELSE NULL::integer
         END AS key_number,
         CASE
             WHEN (heads.sealed AND (octet_length(heads.head) = 6)) THEN encode(SUBSTRING(heads.head FROM 3 FOR 4), 'hex'::text)
             ELSE NULL::text
         END AS fingerprint,
     count(*) AS row_count
    FROM heads
   GROUP BY heads.field,
         CASE
             WHEN (heads.sealed AND (octet_length(heads.head) = 6)) THEN ((get_byte(heads.head, 0) * 256) + get_byte(heads.head, 1))
             ELSE NULL::integer
         END,
         CASE
             WHEN (heads.sealed AND (octet_length(heads.head) = 6)) THEN encode(SUBSTRING(heads.head FROM 3 FOR 4), 'hex'::text)
             ELSE NULL::text
         END;
END;

-- function: keep_fills_within_orders()
CREATE OR REPLACE FUNCTION public.keep_fills_within_orders()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog'
AS $function$
declare
    bad record;
begin
    -- In the order of their numbers, so that two statements that fill the same orders don't wait for each other.
    update public.orders as o set quantity = o.quantity
    from (
        select locked.id from public.orders as locked
        where locked.id in (select changed.order_id from changed)
        order by locked.id
        for no key update
    ) as mine
    where o.id = mine.id;
    select t.id, t.order_id into bad
    from changed as t
    join public.orders as o on o.id = t.order_id
    where (t.user_id, t.symbol, t.side) is distinct from (o.user_id, o.symbol, o.side)
    limit 1;
    if found then
        raise exception 'trade % is not of the user, symbol and side of order %', bad.id, bad.order_id
        using errcode = 'check_violation', schema = 'public', table = 'trades', constraint = 'ck_trades_of_their_order';
    end if;
    select o.id, o.quantity, sum(t.quantity) as filled into bad
    from public.orders as o
    join public.trades as t on t.order_id = o.id
    where o.id in (select changed.order_id from changed)
    group by o.id
    having sum(t.quantity) > o.quantity
    limit 1;
    if found then
        raise exception 'the trades of order % come to %, and it is for %', bad.id, bad.filled, bad.quantity
        using errcode = 'check_violation', schema = 'public', table = 'trades', constraint = 'ck_trades_within_order';
    end if;
    return null;
end
$function$;

-- function: keep_orders_of_their_fills()
CREATE OR REPLACE FUNCTION public.keep_orders_of_their_fills()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog'
AS $function$
declare
    filled numeric;
begin
    if (new.quantity, new.user_id, new.symbol, new.side) is not distinct from (old.quantity, old.user_id, old.symbol, old.side) then
        return null;
    end if;
    if (new.user_id, new.symbol, new.side) is distinct from (old.user_id, old.symbol, old.side)
        and exists (select from public.trades as t where t.order_id = new.id) then
        raise exception 'order % has trades: its user, symbol and side stay', new.id
        using errcode = 'check_violation', schema = 'public', table = 'orders', constraint = 'ck_orders_of_their_trades';
    end if;
    select sum(t.quantity) into filled from public.trades as t where t.order_id = new.id;
    if filled > new.quantity then
        raise exception 'the trades of order % come to %, and it would be for %', new.id, filled, new.quantity
        using errcode = 'check_violation', schema = 'public', table = 'orders', constraint = 'ck_orders_above_trades';
    end if;
    return null;
end
$function$;

-- function: refuse_sealed_comparison(one sealed, other bytea)
CREATE OR REPLACE FUNCTION public.refuse_sealed_comparison(one sealed, other bytea)
 RETURNS boolean
 LANGUAGE sql
BEGIN ATOMIC
 SELECT refuse_sealed_comparison(one, (other)::sealed) AS refuse_sealed_comparison;
END;

-- function: refuse_sealed_comparison(one sealed, other sealed)
CREATE OR REPLACE FUNCTION public.refuse_sealed_comparison(one sealed, other sealed)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
begin
    raise exception 'names, phone and address are sealed by the application: SQL can''t compare them or search in them'
        using errcode = 'feature_not_supported',
            hint = 'Find people by phone with christmas.profiles (find_by_phone), else by user_id, and open the rows: docs/security.md';
end
$function$;

-- function: set_updated_at()
CREATE OR REPLACE FUNCTION public.set_updated_at()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
begin
    new.updated_at := now();
    return new;
end
$function$;

-- function: smoothing_result(state double precision[])
CREATE OR REPLACE FUNCTION public.smoothing_result(state double precision[])
 RETURNS double precision
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog'
RETURN CASE WHEN (((state)[1] > (0)::double precision) AND ((state)[1] >= (state)[3])) THEN (state)[2] ELSE NULL::double precision END;

-- function: smoothing_step(state double precision[], value double precision, span integer, weight double precision)
CREATE OR REPLACE FUNCTION public.smoothing_step(state double precision[], value double precision, span integer, weight double precision)
 RETURNS double precision[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog'
RETURN CASE WHEN (value IS NULL) THEN state WHEN ((state)[1] < (span)::double precision) THEN ARRAY[((state)[1] + (1)::double precision), ((state)[2] + (value / (span)::double precision)), (span)::double precision] ELSE ARRAY[(state)[1], ((state)[2] + (weight * (value - (state)[2]))), (span)::double precision] END;

-- aggregate: smoothed(double precision, integer, double precision)
create aggregate smoothed(double precision,integer,double precision) (sfunc = smoothing_step, stype = double precision[], finalfunc = smoothing_result, initcond = '{0,0,0}');

-- operator: !~~ (sealed, bytea)
create operator !~~ (leftarg = sealed, rightarg = bytea, function = public.refuse_sealed_comparison);

-- operator: !~~ (sealed, sealed)
create operator !~~ (leftarg = sealed, rightarg = sealed, function = public.refuse_sealed_comparison);

-- operator: < (sealed, bytea)
create operator < (leftarg = sealed, rightarg = bytea, function = public.refuse_sealed_comparison);

-- operator: < (sealed, sealed)
create operator < (leftarg = sealed, rightarg = sealed, function = public.refuse_sealed_comparison);

-- operator: <= (sealed, bytea)
create operator <= (leftarg = sealed, rightarg = bytea, function = public.refuse_sealed_comparison);

-- operator: <= (sealed, sealed)
create operator <= (leftarg = sealed, rightarg = sealed, function = public.refuse_sealed_comparison);

-- operator: <> (sealed, bytea)
create operator <> (leftarg = sealed, rightarg = bytea, function = public.refuse_sealed_comparison);

-- operator: <> (sealed, sealed)
create operator <> (leftarg = sealed, rightarg = sealed, function = public.refuse_sealed_comparison);

-- operator: = (sealed, bytea)
create operator = (leftarg = sealed, rightarg = bytea, function = public.refuse_sealed_comparison);

-- operator: = (sealed, sealed)
create operator = (leftarg = sealed, rightarg = sealed, function = public.refuse_sealed_comparison);

-- operator: > (sealed, bytea)
create operator > (leftarg = sealed, rightarg = bytea, function = public.refuse_sealed_comparison);

-- operator: > (sealed, sealed)
create operator > (leftarg = sealed, rightarg = sealed, function = public.refuse_sealed_comparison);

-- operator: >= (sealed, bytea)
create operator >= (leftarg = sealed, rightarg = bytea, function = public.refuse_sealed_comparison);

-- operator: >= (sealed, sealed)
create operator >= (leftarg = sealed, rightarg = sealed, function = public.refuse_sealed_comparison);

-- operator: ~~ (sealed, bytea)
create operator ~~ (leftarg = sealed, rightarg = bytea, function = public.refuse_sealed_comparison);

-- operator: ~~ (sealed, sealed)
create operator ~~ (leftarg = sealed, rightarg = sealed, function = public.refuse_sealed_comparison);

-- table: backtest_results
create table backtest_results (
    id integer generated by default as identity,
    backtest_id integer not null,
    total_trades integer,
    winning_trades integer,
    losing_trades integer,
    win_rate numeric(5,2),
    total_return numeric(19,4),
    sharpe_ratio numeric(10,4),
    max_drawdown numeric(10,4),
    results_data jsonb,
    created_at timestamp with time zone not null default now()
);

-- owner: backtest_results
alter table backtest_results owner to migrator;

-- constraint: backtest_results.ck_backtest_results_max_drawdown
alter table backtest_results add constraint ck_backtest_results_max_drawdown CHECK (max_drawdown >= 0::numeric AND max_drawdown <> 'NaN'::numeric);

-- constraint: backtest_results.ck_backtest_results_not_nan
alter table backtest_results add constraint ck_backtest_results_not_nan CHECK ('NaN'::numeric <> total_return AND 'NaN'::numeric <> sharpe_ratio);

-- constraint: backtest_results.ck_backtest_results_results_data
alter table backtest_results add constraint ck_backtest_results_results_data CHECK (jsonb_typeof(results_data) = 'object'::text);

-- constraint: backtest_results.ck_backtest_results_trades
alter table backtest_results add constraint ck_backtest_results_trades CHECK (total_trades >= 0 AND winning_trades >= 0 AND losing_trades >= 0);

-- constraint: backtest_results.ck_backtest_results_trades_sum
alter table backtest_results add constraint ck_backtest_results_trades_sum CHECK ((winning_trades + losing_trades) <= total_trades);

-- constraint: backtest_results.ck_backtest_results_win_rate
alter table backtest_results add constraint ck_backtest_results_win_rate CHECK (win_rate >= 0::numeric AND win_rate <= 100::numeric);

-- constraint: backtest_results.fk_backtest_results_backtest_id
alter table backtest_results add constraint fk_backtest_results_backtest_id FOREIGN KEY (backtest_id) REFERENCES backtest_runs(id) ON DELETE CASCADE;

-- constraint: backtest_results.pk_backtest_results
alter table backtest_results add constraint pk_backtest_results PRIMARY KEY (id);

-- constraint: backtest_results.uq_backtest_results_backtest_id
alter table backtest_results add constraint uq_backtest_results_backtest_id UNIQUE (backtest_id);

-- index: backtest_results.idx_backtest_results_total_return
CREATE INDEX idx_backtest_results_total_return ON public.backtest_results USING btree (total_return);

-- comment: backtest_results
comment on table backtest_results is 'How a backtest run ended';

-- comment: backtest_results.backtest_id
comment on column backtest_results.backtest_id is 'The run; at most one result each, deleted with the run';

-- comment: backtest_results.created_at
comment on column backtest_results.created_at is 'When the run ended';

-- comment: backtest_results.id
comment on column backtest_results.id is 'Number of the result';

-- comment: backtest_results.losing_trades
comment on column backtest_results.losing_trades is 'Round trips that ended below their cost';

-- comment: backtest_results.max_drawdown
comment on column backtest_results.max_drawdown is 'Deepest fall from an earlier peak, in percent of that peak';

-- comment: backtest_results.results_data
comment on column backtest_results.results_data is 'Details: round trips and the equity curve, a JSON object';

-- comment: backtest_results.sharpe_ratio
comment on column backtest_results.sharpe_ratio is 'Mean daily return over its standard deviation, times the root of 252';

-- comment: backtest_results.total_return
comment on column backtest_results.total_return is 'Gain over the whole period, in percent of the capital at its start';

-- comment: backtest_results.total_trades
comment on column backtest_results.total_trades is 'Round trips: positions opened and closed again';

-- comment: backtest_results.win_rate
comment on column backtest_results.win_rate is 'Winning round trips, in percent of all';

-- comment: backtest_results.winning_trades
comment on column backtest_results.winning_trades is 'Round trips that ended above their cost';

-- table: backtest_runs
create table backtest_runs (
    id integer generated by default as identity,
    user_id integer not null,
    strategy_name character varying(100) not null,
    start_date timestamp with time zone not null,
    end_date timestamp with time zone not null,
    symbols text[] not null,
    parameters jsonb,
    status character varying(20) not null,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now()
);

-- owner: backtest_runs
alter table backtest_runs owner to migrator;

-- constraint: backtest_runs.ck_backtest_runs_dates
alter table backtest_runs add constraint ck_backtest_runs_dates CHECK (end_date > start_date AND isfinite(start_date) AND isfinite(end_date));

-- constraint: backtest_runs.ck_backtest_runs_parameters
alter table backtest_runs add constraint ck_backtest_runs_parameters CHECK (jsonb_typeof(parameters) = 'object'::text);

-- constraint: backtest_runs.ck_backtest_runs_status
alter table backtest_runs add constraint ck_backtest_runs_status CHECK (status::text = ANY (ARRAY['queued'::character varying, 'running'::character varying, 'completed'::character varying, 'failed'::character varying]::text[]));

-- constraint: backtest_runs.ck_backtest_runs_strategy_name
alter table backtest_runs add constraint ck_backtest_runs_strategy_name CHECK (strategy_name::text = btrim(strategy_name::text) AND strategy_name::text <> ''::text);

-- constraint: backtest_runs.ck_backtest_runs_symbols
alter table backtest_runs add constraint ck_backtest_runs_symbols CHECK (cardinality(symbols) > 0 AND array_position(symbols, NULL::text) IS NULL);

-- constraint: backtest_runs.fk_backtest_runs_user_id
alter table backtest_runs add constraint fk_backtest_runs_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

-- constraint: backtest_runs.pk_backtest_runs
alter table backtest_runs add constraint pk_backtest_runs PRIMARY KEY (id);

-- index: backtest_runs.idx_backtest_runs_user_id
CREATE INDEX idx_backtest_runs_user_id ON public.backtest_runs USING btree (user_id);

-- trigger: backtest_runs.backtest_runs_updated_at
CREATE TRIGGER backtest_runs_updated_at BEFORE UPDATE ON backtest_runs FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION set_updated_at();

-- comment: backtest_runs
comment on table backtest_runs is 'A strategy tried on past candles';

-- comment: backtest_runs.created_at
comment on column backtest_runs.created_at is 'When the run was asked for';

-- comment: backtest_runs.end_date
comment on column backtest_runs.end_date is 'End of the period, excluded';

-- comment: backtest_runs.id
comment on column backtest_runs.id is 'Number of the run';

-- comment: backtest_runs.parameters
comment on column backtest_runs.parameters is 'Settings of the strategy: a JSON object';

-- comment: backtest_runs.start_date
comment on column backtest_runs.start_date is 'Start of the period, included';

-- comment: backtest_runs.status
comment on column backtest_runs.status is 'queued, running, completed or failed';

-- comment: backtest_runs.strategy_name
comment on column backtest_runs.strategy_name is 'Which strategy';

-- comment: backtest_runs.symbols
comment on column backtest_runs.symbols is 'What was traded in the trial; at least one';

-- comment: backtest_runs.updated_at
comment on column backtest_runs.updated_at is 'When the row was last changed; kept by a trigger';

-- comment: backtest_runs.user_id
comment on column backtest_runs.user_id is 'Who tried it; the run is deleted with the user';

-- view: candles_1d
create view candles_1d as
select
    symbol,
    time_bucket(interval '1 day', bucket) as bucket,
    first(open, bucket) as open,
    max(high) as high,
    min(low) as low,
    last(close, bucket) as close,
    sum(volume) as volume
from candles_1h
group by symbol, time_bucket(interval '1 day', bucket);

-- owner: candles_1d
alter table candles_1d owner to migrator;

-- comment: candles_1d
comment on view candles_1d is 'Candles of a day in UTC, from candles_1h';

-- comment: candles_1d.bucket
comment on column candles_1d.bucket is 'Start of the interval that the candle covers';

-- comment: candles_1d.close
comment on column candles_1d.close is 'Last price of the interval';

-- comment: candles_1d.high
comment on column candles_1d.high is 'Highest price of the interval';

-- comment: candles_1d.low
comment on column candles_1d.low is 'Lowest price of the interval';

-- comment: candles_1d.open
comment on column candles_1d.open is 'First price of the interval';

-- comment: candles_1d.symbol
comment on column candles_1d.symbol is 'What is traded';

-- comment: candles_1d.volume
comment on column candles_1d.volume is 'How much was traded in the interval';

-- view: candles_1h
create view candles_1h as
select
    symbol,
    time_bucket(interval '1 hour', bucket) as bucket,
    first(open, bucket) as open,
    max(high) as high,
    min(low) as low,
    last(close, bucket) as close,
    sum(volume) as volume
from candles_5m
group by symbol, time_bucket(interval '1 hour', bucket);

-- owner: candles_1h
alter table candles_1h owner to migrator;

-- comment: candles_1h
comment on view candles_1h is 'Candles of an hour, from candles_5m';

-- comment: candles_1h.bucket
comment on column candles_1h.bucket is 'Start of the interval that the candle covers';

-- comment: candles_1h.close
comment on column candles_1h.close is 'Last price of the interval';

-- comment: candles_1h.high
comment on column candles_1h.high is 'Highest price of the interval';

-- comment: candles_1h.low
comment on column candles_1h.low is 'Lowest price of the interval';

-- comment: candles_1h.open
comment on column candles_1h.open is 'First price of the interval';

-- comment: candles_1h.symbol
comment on column candles_1h.symbol is 'What is traded';

-- comment: candles_1h.volume
comment on column candles_1h.volume is 'How much was traded in the interval';

-- view: candles_5m
create view candles_5m as
select
    symbol,
    time_bucket(interval '5 minutes', timestamp) as bucket,
    first(open, timestamp) as open,
    max(high) as high,
    min(low) as low,
    last(close, timestamp) as close,
    sum(volume) as volume
from market_data
group by symbol, time_bucket(interval '5 minutes', timestamp);

-- owner: candles_5m
alter table candles_5m owner to migrator;

-- comment: candles_5m
comment on view candles_5m is 'Candles of five minutes, from market_data';

-- comment: candles_5m.bucket
comment on column candles_5m.bucket is 'Start of the interval that the candle covers';

-- comment: candles_5m.close
comment on column candles_5m.close is 'Last price of the interval';

-- comment: candles_5m.high
comment on column candles_5m.high is 'Highest price of the interval';

-- comment: candles_5m.low
comment on column candles_5m.low is 'Lowest price of the interval';

-- comment: candles_5m.open
comment on column candles_5m.open is 'First price of the interval';

-- comment: candles_5m.symbol
comment on column candles_5m.symbol is 'What is traded';

-- comment: candles_5m.volume
comment on column candles_5m.volume is 'How much was traded in the interval';

-- comment: field_key_usage()
comment on function field_key_usage() is 'How many sealed values each key has, by column; no number for what is not sealed';

-- comment: keep_fills_within_orders()
comment on function keep_fills_within_orders() is 'Refuses trades of another user, symbol or side than their order, or of more';

-- comment: keep_orders_of_their_fills()
comment on function keep_orders_of_their_fills() is 'Refuses to make an order another, or smaller, than its trades are of';

-- table: market_data
create table market_data (
    id bigint generated by default as identity,
    symbol character varying(20) not null,
    "timestamp" timestamp with time zone not null,
    open numeric(19,4),
    high numeric(19,4),
    low numeric(19,4),
    close numeric(19,4),
    volume numeric(19,4),
    created_at timestamp with time zone not null default now()
);

-- owner: market_data
alter table market_data owner to migrator;

-- constraint: market_data.ck_market_data_close
alter table market_data add constraint ck_market_data_close CHECK (close >= low AND close <= high);

-- constraint: market_data.ck_market_data_high_low
alter table market_data add constraint ck_market_data_high_low CHECK (high >= low);

-- constraint: market_data.ck_market_data_not_nan
alter table market_data add constraint ck_market_data_not_nan CHECK ('NaN'::numeric <> open AND 'NaN'::numeric <> high AND 'NaN'::numeric <> low AND 'NaN'::numeric <> close AND 'NaN'::numeric <> volume);

-- constraint: market_data.ck_market_data_open
alter table market_data add constraint ck_market_data_open CHECK (open >= low AND open <= high);

-- constraint: market_data.ck_market_data_symbol
alter table market_data add constraint ck_market_data_symbol CHECK (symbol::text = btrim(symbol::text) AND symbol::text <> ''::text);

-- constraint: market_data.ck_market_data_timestamp
alter table market_data add constraint ck_market_data_timestamp CHECK (isfinite("timestamp"));

-- constraint: market_data.ck_market_data_volume
alter table market_data add constraint ck_market_data_volume CHECK (volume >= 0::numeric);

-- constraint: market_data.pk_market_data
alter table market_data add constraint pk_market_data PRIMARY KEY (id, "timestamp");

-- constraint: market_data.uq_market_data_symbol_timestamp
alter table market_data add constraint uq_market_data_symbol_timestamp UNIQUE (symbol, "timestamp");

-- hypertable: market_data
select create_hypertable('market_data', by_range('timestamp', interval '28 days'));

-- index: market_data.idx_market_data_symbol
CREATE INDEX idx_market_data_symbol ON public.market_data USING btree (symbol);

-- index: market_data.market_data_timestamp_idx
CREATE INDEX market_data_timestamp_idx ON public.market_data USING btree ("timestamp" DESC);

-- comment: market_data
comment on table market_data is 'Candles: one row for each symbol and interval start';

-- comment: market_data.close
comment on column market_data.close is 'Last price of the interval';

-- comment: market_data.created_at
comment on column market_data.created_at is 'When the row was loaded';

-- comment: market_data.high
comment on column market_data.high is 'Highest price of the interval';

-- comment: market_data.id
comment on column market_data.id is 'Number of the row; unique only together with timestamp';

-- comment: market_data.low
comment on column market_data.low is 'Lowest price of the interval';

-- comment: market_data.open
comment on column market_data.open is 'First price of the interval';

-- comment: market_data.symbol
comment on column market_data.symbol is 'What is traded, as its exchange spells it';

-- comment: market_data.timestamp
comment on column market_data.timestamp is 'Start of the interval that the candle covers';

-- comment: market_data.volume
comment on column market_data.volume is 'How much was traded in the interval';

-- table: orders
create table orders (
    id integer generated by default as identity,
    user_id integer not null,
    symbol character varying(20) not null,
    order_type character varying(20) not null,
    side character varying(10) not null,
    quantity numeric(19,4) not null,
    price numeric(19,4),
    status character varying(20) not null,
    external_id character varying(100),
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now()
);

-- owner: orders
alter table orders owner to migrator;

-- constraint: orders.ck_orders_order_type
alter table orders add constraint ck_orders_order_type CHECK (order_type::text = ANY (ARRAY['market'::character varying, 'limit'::character varying, 'stop'::character varying, 'stop_limit'::character varying]::text[]));

-- constraint: orders.ck_orders_price
alter table orders add constraint ck_orders_price CHECK (price > 0::numeric AND price <> 'NaN'::numeric);

-- constraint: orders.ck_orders_price_present
alter table orders add constraint ck_orders_price_present CHECK (order_type::text = 'market'::text OR price IS NOT NULL);

-- constraint: orders.ck_orders_quantity
alter table orders add constraint ck_orders_quantity CHECK (quantity > 0::numeric AND quantity <> 'NaN'::numeric);

-- constraint: orders.ck_orders_side
alter table orders add constraint ck_orders_side CHECK (side::text = ANY (ARRAY['buy'::character varying, 'sell'::character varying]::text[]));

-- constraint: orders.ck_orders_status
alter table orders add constraint ck_orders_status CHECK (status::text = ANY (ARRAY['pending'::character varying, 'open'::character varying, 'partially_filled'::character varying, 'filled'::character varying, 'cancelled'::character varying, 'rejected'::character varying]::text[]));

-- constraint: orders.ck_orders_symbol
alter table orders add constraint ck_orders_symbol CHECK (symbol::text = btrim(symbol::text) AND symbol::text <> ''::text);

-- constraint: orders.fk_orders_user_id
alter table orders add constraint fk_orders_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE RESTRICT;

-- constraint: orders.pk_orders
alter table orders add constraint pk_orders PRIMARY KEY (id);

-- constraint: orders.uq_orders_user_id_external_id
alter table orders add constraint uq_orders_user_id_external_id UNIQUE (user_id, external_id);

-- index: orders.idx_orders_created_at
CREATE INDEX idx_orders_created_at ON public.orders USING btree (created_at);

-- index: orders.idx_orders_symbol
CREATE INDEX idx_orders_symbol ON public.orders USING btree (symbol);

-- index: orders.idx_orders_unfinished
CREATE INDEX idx_orders_unfinished ON public.orders USING btree (user_id, created_at) WHERE ((status)::text = ANY ((ARRAY['pending'::character varying, 'open'::character varying, 'partially_filled'::character varying])::text[]));

-- index: orders.idx_orders_user_id
CREATE INDEX idx_orders_user_id ON public.orders USING btree (user_id);

-- trigger: orders.orders_changed
CREATE TRIGGER orders_changed AFTER UPDATE ON orders FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION keep_orders_of_their_fills();

-- trigger: orders.orders_updated_at
CREATE TRIGGER orders_updated_at BEFORE UPDATE ON orders FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION set_updated_at();

-- comment: orders
comment on table orders is 'What a user asked the market for';

-- comment: orders.created_at
comment on column orders.created_at is 'When the user ordered';

-- comment: orders.external_id
comment on column orders.external_id is 'The exchange''s number for the order; unique for a user';

-- comment: orders.id
comment on column orders.id is 'Number of the order';

-- comment: orders.order_type
comment on column orders.order_type is 'market, limit, stop or stop_limit';

-- comment: orders.price
comment on column orders.price is 'Limit or trigger price; every type but market has one';

-- comment: orders.quantity
comment on column orders.quantity is 'How much to trade';

-- comment: orders.side
comment on column orders.side is 'buy or sell';

-- comment: orders.status
comment on column orders.status is 'pending, open, partially_filled, filled, cancelled or rejected';

-- comment: orders.symbol
comment on column orders.symbol is 'What to trade';

-- comment: orders.updated_at
comment on column orders.updated_at is 'When the row was last changed; kept by a trigger';

-- comment: orders.user_id
comment on column orders.user_id is 'Who ordered';

-- comment: refuse_sealed_comparison(one sealed, other bytea)
comment on function refuse_sealed_comparison(sealed,bytea) is 'Refuses every comparison with a sealed column';

-- comment: refuse_sealed_comparison(one sealed, other sealed)
comment on function refuse_sealed_comparison(sealed,sealed) is 'Refuses every comparison with a sealed column';

-- comment: set_updated_at()
comment on function set_updated_at() is 'Keeps updated_at true whatever a client writes into it; used by triggers on tables that have one';

-- comment: smoothed(double precision, integer, double precision)
comment on aggregate smoothed(double precision,integer,double precision) is 'smoothed(value, span, weight): the mean of the first span values, then weight times each further one; meant for windows';

-- comment: smoothing_result(state double precision[])
comment on function smoothing_result(double precision[]) is 'The smoothed mean; null while there are too few values';

-- comment: smoothing_step(state double precision[], value double precision, span integer, weight double precision)
comment on function smoothing_step(double precision[],double precision,integer,double precision) is 'Takes one more value into a smoothed mean; the state is how many values were averaged, the mean, and the span';

-- table: technical_indicators
create table technical_indicators (
    id bigint generated by default as identity,
    symbol character varying(20) not null,
    "timestamp" timestamp with time zone not null,
    indicator_type character varying(50) not null,
    value numeric(19,6),
    parameters jsonb not null default '{}'::jsonb,
    created_at timestamp with time zone not null default now()
);

-- owner: technical_indicators
alter table technical_indicators owner to migrator;

-- constraint: technical_indicators.ck_technical_indicators_indicator_type
alter table technical_indicators add constraint ck_technical_indicators_indicator_type CHECK (indicator_type::text ~ '^[a-z][a-z0-9_]*$'::text);

-- constraint: technical_indicators.ck_technical_indicators_parameters
alter table technical_indicators add constraint ck_technical_indicators_parameters CHECK (jsonb_typeof(parameters) = 'object'::text AND octet_length(parameters::text) <= 1024);

-- constraint: technical_indicators.ck_technical_indicators_symbol
alter table technical_indicators add constraint ck_technical_indicators_symbol CHECK (symbol::text = btrim(symbol::text) AND symbol::text <> ''::text);

-- constraint: technical_indicators.ck_technical_indicators_timestamp
alter table technical_indicators add constraint ck_technical_indicators_timestamp CHECK (isfinite("timestamp"));

-- constraint: technical_indicators.ck_technical_indicators_value
alter table technical_indicators add constraint ck_technical_indicators_value CHECK (value <> 'NaN'::numeric);

-- constraint: technical_indicators.pk_technical_indicators
alter table technical_indicators add constraint pk_technical_indicators PRIMARY KEY (id, "timestamp");

-- constraint: technical_indicators.uq_technical_indicators_series
alter table technical_indicators add constraint uq_technical_indicators_series UNIQUE (symbol, indicator_type, parameters, "timestamp");

-- hypertable: technical_indicators
select create_hypertable('technical_indicators', by_range('timestamp', interval '28 days'));

-- index: technical_indicators.idx_tech_indicators_symbol_type
CREATE INDEX idx_tech_indicators_symbol_type ON public.technical_indicators USING btree (symbol, indicator_type);

-- index: technical_indicators.technical_indicators_timestamp_idx
CREATE INDEX technical_indicators_timestamp_idx ON public.technical_indicators USING btree ("timestamp" DESC);

-- comment: technical_indicators
comment on table technical_indicators is 'Values computed from candles, one row for each symbol, indicator, parameters and time';

-- comment: technical_indicators.created_at
comment on column technical_indicators.created_at is 'When the row was computed';

-- comment: technical_indicators.id
comment on column technical_indicators.id is 'Number of the row; unique only together with timestamp';

-- comment: technical_indicators.indicator_type
comment on column technical_indicators.indicator_type is 'Which indicator, in lower case: sma, ema, rsi, macd, …';

-- comment: technical_indicators.parameters
comment on column technical_indicators.parameters is 'Settings of the indicator: a JSON object, for instance {"period": 20}';

-- comment: technical_indicators.symbol
comment on column technical_indicators.symbol is 'Symbol of the candles that the value was computed from';

-- comment: technical_indicators.timestamp
comment on column technical_indicators.timestamp is 'Start of the newest candle that the value was computed from';

-- comment: technical_indicators.value
comment on column technical_indicators.value is 'The indicator''s value; null where it is not defined yet';

-- table: trades
create table trades (
    id integer generated by default as identity,
    order_id integer not null,
    user_id integer not null,
    symbol character varying(20) not null,
    side character varying(10) not null,
    quantity numeric(19,4) not null,
    price numeric(19,4) not null,
    "timestamp" timestamp with time zone not null,
    fee numeric(19,4),
    created_at timestamp with time zone not null default now()
);

-- owner: trades
alter table trades owner to migrator;

-- constraint: trades.ck_trades_fee
alter table trades add constraint ck_trades_fee CHECK (fee <> 'NaN'::numeric);

-- constraint: trades.ck_trades_price
alter table trades add constraint ck_trades_price CHECK (price > 0::numeric AND price <> 'NaN'::numeric);

-- constraint: trades.ck_trades_quantity
alter table trades add constraint ck_trades_quantity CHECK (quantity > 0::numeric AND quantity <> 'NaN'::numeric);

-- constraint: trades.ck_trades_side
alter table trades add constraint ck_trades_side CHECK (side::text = ANY (ARRAY['buy'::character varying, 'sell'::character varying]::text[]));

-- constraint: trades.ck_trades_symbol
alter table trades add constraint ck_trades_symbol CHECK (symbol::text = btrim(symbol::text) AND symbol::text <> ''::text);

-- constraint: trades.ck_trades_timestamp
alter table trades add constraint ck_trades_timestamp CHECK (isfinite("timestamp"));

-- constraint: trades.fk_trades_order_id
alter table trades add constraint fk_trades_order_id FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE RESTRICT;

-- constraint: trades.fk_trades_user_id
alter table trades add constraint fk_trades_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE RESTRICT;

-- constraint: trades.pk_trades
alter table trades add constraint pk_trades PRIMARY KEY (id);

-- index: trades.idx_trades_order_id
CREATE INDEX idx_trades_order_id ON public.trades USING btree (order_id);

-- index: trades.idx_trades_symbol
CREATE INDEX idx_trades_symbol ON public.trades USING btree (symbol);

-- index: trades.idx_trades_timestamp
CREATE INDEX idx_trades_timestamp ON public.trades USING btree ("timestamp");

-- index: trades.idx_trades_user_id
CREATE INDEX idx_trades_user_id ON public.trades USING btree (user_id);

-- index: trades.idx_trades_user_id_timestamp
CREATE INDEX idx_trades_user_id_timestamp ON public.trades USING btree (user_id, "timestamp");

-- trigger: trades.trades_inserted
CREATE TRIGGER trades_inserted AFTER INSERT ON trades REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_fills_within_orders();

-- trigger: trades.trades_updated
CREATE TRIGGER trades_updated AFTER UPDATE ON trades REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION keep_fills_within_orders();

-- comment: trades
comment on table trades is 'What the market gave: the fills of an order';

-- comment: trades.created_at
comment on column trades.created_at is 'When the row was made';

-- comment: trades.fee
comment on column trades.fee is 'What the trade cost beside the price; below zero for a rebate';

-- comment: trades.id
comment on column trades.id is 'Number of the trade';

-- comment: trades.order_id
comment on column trades.order_id is 'The order that this trade fills, wholly or in part';

-- comment: trades.price
comment on column trades.price is 'Price of one unit';

-- comment: trades.quantity
comment on column trades.quantity is 'How much was traded';

-- comment: trades.side
comment on column trades.side is 'buy or sell, as the order';

-- comment: trades.symbol
comment on column trades.symbol is 'What was traded';

-- comment: trades.timestamp
comment on column trades.timestamp is 'When the market filled';

-- comment: trades.user_id
comment on column trades.user_id is 'Whose order it was';

-- table: user_profiles
create table user_profiles (
    user_id integer not null,
    preferences jsonb,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    first_name sealed,
    last_name sealed,
    phone sealed,
    address sealed,
    phone_index bytea
);

-- owner: user_profiles
alter table user_profiles owner to migrator;

-- constraint: user_profiles.ck_user_profiles_address
alter table user_profiles add constraint ck_user_profiles_address CHECK (SUBSTRING(address FROM 1 FOR 2) = '\xc101'::bytea AND octet_length(address::bytea) >= 64 AND (octet_length(address::bytea) % 16) = 0);

-- constraint: user_profiles.ck_user_profiles_first_name
alter table user_profiles add constraint ck_user_profiles_first_name CHECK (SUBSTRING(first_name FROM 1 FOR 2) = '\xc101'::bytea AND octet_length(first_name::bytea) >= 64 AND octet_length(first_name::bytea) <= 464 AND (octet_length(first_name::bytea) % 16) = 0);

-- constraint: user_profiles.ck_user_profiles_last_name
alter table user_profiles add constraint ck_user_profiles_last_name CHECK (SUBSTRING(last_name FROM 1 FOR 2) = '\xc101'::bytea AND octet_length(last_name::bytea) >= 64 AND octet_length(last_name::bytea) <= 464 AND (octet_length(last_name::bytea) % 16) = 0);

-- constraint: user_profiles.ck_user_profiles_phone
alter table user_profiles add constraint ck_user_profiles_phone CHECK (SUBSTRING(phone FROM 1 FOR 2) = '\xc101'::bytea AND octet_length(phone::bytea) >= 64 AND octet_length(phone::bytea) <= 144 AND (octet_length(phone::bytea) % 16) = 0);

-- constraint: user_profiles.ck_user_profiles_phone_index
alter table user_profiles add constraint ck_user_profiles_phone_index CHECK ((phone IS NULL) = (phone_index IS NULL) AND octet_length(phone_index) = 38);

-- constraint: user_profiles.ck_user_profiles_preferences
alter table user_profiles add constraint ck_user_profiles_preferences CHECK (jsonb_typeof(preferences) = 'object'::text);

-- constraint: user_profiles.ck_user_profiles_preferences_size
alter table user_profiles add constraint ck_user_profiles_preferences_size CHECK (octet_length(preferences::text) <= 16384);

-- constraint: user_profiles.fk_user_profiles_user_id
alter table user_profiles add constraint fk_user_profiles_user_id FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE;

-- constraint: user_profiles.pk_user_profiles
alter table user_profiles add constraint pk_user_profiles PRIMARY KEY (user_id);

-- index: user_profiles.idx_user_profiles_phone_index
CREATE INDEX idx_user_profiles_phone_index ON public.user_profiles USING btree (phone_index);

-- trigger: user_profiles.user_profiles_updated_at
CREATE TRIGGER user_profiles_updated_at BEFORE UPDATE ON user_profiles FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION set_updated_at();

-- comment: user_profiles
comment on table user_profiles is 'What a user told about themselves, and their preferences';

-- comment: user_profiles.address
comment on column user_profiles.address is 'Postal address, sealed by the application';

-- comment: user_profiles.created_at
comment on column user_profiles.created_at is 'When the row was made';

-- comment: user_profiles.first_name
comment on column user_profiles.first_name is 'Given name, sealed by the application';

-- comment: user_profiles.last_name
comment on column user_profiles.last_name is 'Family name, sealed by the application';

-- comment: user_profiles.phone
comment on column user_profiles.phone is 'Phone number, sealed by the application';

-- comment: user_profiles.phone_index
comment on column user_profiles.phone_index is 'Keyed hash of the phone number, to find rows by it';

-- comment: user_profiles.preferences
comment on column user_profiles.preferences is 'Theme, dashboard layout, notification settings: a JSON object of at most 16384 bytes';

-- comment: user_profiles.updated_at
comment on column user_profiles.updated_at is 'When the row was last changed; kept by a trigger';

-- comment: user_profiles.user_id
comment on column user_profiles.user_id is 'The user; one profile each, deleted with the user';

-- table: users
create table users (
    id integer generated by default as identity,
    username character varying(100) not null,
    email character varying(255) not null,
    password_hash character varying(255) not null,
    is_active boolean not null default true,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now()
);

-- owner: users
alter table users owner to migrator;

-- constraint: users.ck_users_email
alter table users add constraint ck_users_email CHECK (email::text ~ '^[^@[:space:]]+@[^@[:space:]]+$'::text);

-- constraint: users.ck_users_password_hash
alter table users add constraint ck_users_password_hash CHECK (password_hash::text ~ '^\$[a-z0-9-]{1,32}\$'::text);

-- constraint: users.ck_users_username
alter table users add constraint ck_users_username CHECK (username::text = btrim(username::text) AND username::text <> ''::text);

-- constraint: users.pk_users
alter table users add constraint pk_users PRIMARY KEY (id);

-- constraint: users.users_email_key
alter table users add constraint users_email_key UNIQUE (email);

-- constraint: users.users_username_key
alter table users add constraint users_username_key UNIQUE (username);

-- trigger: users.users_updated_at
CREATE TRIGGER users_updated_at BEFORE UPDATE ON users FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION set_updated_at();

-- comment: users
comment on table users is 'People who can log in';

-- comment: users.created_at
comment on column users.created_at is 'When the row was made';

-- comment: users.email
comment on column users.email is 'Address to reach the user at; unique';

-- comment: users.id
comment on column users.id is 'Number of the user';

-- comment: users.is_active
comment on column users.is_active is 'Whether the user may log in';

-- comment: users.password_hash
comment on column users.password_hash is 'Password, hashed with argon2id, in the PHC string format';

-- comment: users.updated_at
comment on column users.updated_at is 'When the row was last changed; kept by a trigger';

-- comment: users.username
comment on column users.username is 'Name to log in with; unique, without blanks around it';
