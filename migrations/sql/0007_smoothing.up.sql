-- Exponential smoothing as an aggregate: PostgreSQL has windows of fixed length only, and EMA, RSI and MACD look back without end.

create function smoothing_step(state double precision[], value double precision, span integer, weight double precision)
returns double precision[]
language sql
immutable
parallel safe
set search_path = pg_catalog
return case
    when value is null then state
    -- The first `span` values are averaged plainly: what smoothing starts from.
    when state[1] < span then array[state[1] + 1, state[2] + value / span, span]
    else array[state[1], state[2] + weight * (value - state[2]), span]
end;

comment on function smoothing_step(double precision[], double precision, integer, double precision)
is 'Takes one more value into a smoothed mean; the state is how many values were averaged, the mean, and the span';

create function smoothing_result(state double precision[])
returns double precision
language sql
immutable
parallel safe
set search_path = pg_catalog
return case when state[1] > 0 and state[1] >= state[3] then state[2] end;

comment on function smoothing_result(double precision[])
is 'The smoothed mean; null while there are too few values';

create aggregate smoothed (double precision, integer, double precision)(
    sfunc = smoothing_step,
    stype = _float8,
    finalfunc = smoothing_result,
    initcond = '{0,0,0}',
    parallel = safe
);

comment on aggregate smoothed (double precision, integer, double precision)
is 'smoothed(value, span, weight): the mean of the first span values, then weight times each further one; meant for windows';
