-- The run, unless its user has one of the same strategy, period, symbols and settings.
insert into backtest_runs (user_id, strategy_name, start_date, end_date, symbols, parameters, status, created_at, updated_at)
select
    given.user_id, given.strategy_name, given.start_date, given.end_date, given.symbols, given.parameters, given.status,
    given.requested_at, given.requested_at
from (
    select
        %(user_id)s::integer as user_id,
        %(strategy_name)s::text as strategy_name,
        %(start)s::timestamptz as start_date,
        %(end)s::timestamptz as end_date,
        %(symbols)s::text[] as symbols,
        %(parameters)s::jsonb as parameters,
        %(status)s::text as status,
        %(requested_at)s::timestamptz as requested_at
) as given
where not exists (
    select from backtest_runs as r
    where r.user_id = given.user_id and r.strategy_name = given.strategy_name and r.start_date = given.start_date
        and r.end_date = given.end_date and r.symbols = given.symbols and r.parameters = given.parameters
)
returning id;
