-- Ten indicators on the closes of the given interval, computed anew from all candles of the given symbols and written where they differ.
-- Definitions: Wilder, New Concepts in Technical Trading Systems (1978) for RSI; Appel for MACD; Bollinger, population deviation.
with closes as (
    select
        m.symbol,
        time_bucket(%(width)s::interval, m.timestamp) as moment,
        last(m.close, m.timestamp)::double precision as close
    from market_data as m
    where m.symbol = any(%(symbols)s) and m.close is not null
    group by m.symbol, time_bucket(%(width)s::interval, m.timestamp)
),

moves as (
    select
        c.symbol,
        c.moment,
        c.close,
        row_number() over series as place,
        c.close - lag(c.close) over series as move
    from closes as c
    window series as (partition by c.symbol order by c.moment)
),

smooth as (
    select
        m.symbol,
        m.moment,
        case when m.place >= 20 then avg(m.close) over last_20 end as sma_20,
        case when m.place >= 20 then stddev_pop(m.close) over last_20 end as deviation_20,
        case when m.place >= 50 then avg(m.close) over last_50 end as sma_50,
        smoothed(m.close, 12, 2.0 / 13) over series as ema_12,
        smoothed(m.close, 26, 2.0 / 27) over series as ema_26,
        smoothed(greatest(m.move, 0 * m.move), 14, 1.0 / 14) over series as gain_14,
        smoothed(greatest(-m.move, 0 * m.move), 14, 1.0 / 14) over series as loss_14
    from moves as m
    window
        series as (partition by m.symbol order by m.moment),
        last_20 as (partition by m.symbol order by m.moment rows between 19 preceding and current row),
        last_50 as (partition by m.symbol order by m.moment rows between 49 preceding and current row)
),

signals as (
    select
        s.*,
        s.ema_12 - s.ema_26 as macd,
        smoothed(s.ema_12 - s.ema_26, 9, 2.0 / 10) over series as macd_signal
    from smooth as s
    window series as (partition by s.symbol order by s.moment)
),

named as (
    select
        s.symbol,
        s.moment,
        i.indicator_type,
        round(i.value::numeric, 6) as value,
        i.settings || jsonb_build_object('interval', %(interval)s::text) as parameters
    from signals as s,
        lateral (
            values
            ('sma', s.sma_20, '{"period": 20}'::jsonb),
            ('sma', s.sma_50, '{"period": 50}'),
            ('ema', s.ema_12, '{"period": 12}'),
            ('ema', s.ema_26, '{"period": 26}'),
            -- No move at all is neither strength nor weakness.
            ('rsi', case when s.gain_14 + s.loss_14 = 0 then 50 else 100 * s.gain_14 / (s.gain_14 + s.loss_14) end, '{"period": 14}'),
            ('macd', s.macd, '{"fast": 12, "slow": 26}'),
            ('macd_signal', s.macd_signal, '{"fast": 12, "slow": 26, "signal": 9}'),
            ('macd_histogram', s.macd - s.macd_signal, '{"fast": 12, "slow": 26, "signal": 9}'),
            ('bollinger_upper', s.sma_20 + 2 * s.deviation_20, '{"period": 20, "deviations": 2}'),
            ('bollinger_lower', s.sma_20 - 2 * s.deviation_20, '{"period": 20, "deviations": 2}')
        ) as i (indicator_type, value, settings)
    where i.value is not null
),

written as (
    insert into technical_indicators as kept (symbol, timestamp, indicator_type, value, parameters)
    select n.symbol, n.moment, n.indicator_type, n.value, n.parameters
    from named as n
    left join technical_indicators as t
        on t.symbol = n.symbol and t.indicator_type = n.indicator_type and t.parameters = n.parameters and t.timestamp = n.moment
    where t.symbol is null or t.value is distinct from n.value
    order by n.symbol, n.indicator_type, n.parameters, n.moment
    on conflict (symbol, indicator_type, parameters, timestamp) do update set value = excluded.value
    returning (kept.xmax = 0) as is_new
)

select
    count(*) filter (where w.is_new) as inserted,
    count(*) filter (where not w.is_new) as updated,
    (select count(*) from named) as total
from written as w;
