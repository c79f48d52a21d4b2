-- The account's own statements of this database that took most time, of which the server shows it the text. It is told where the server left no
-- value in it: of a statement that was forgotten while it ran, the text stays as it was sent. A number may stand where no value does: as a
-- column's place, and in a type.
select
    current_user::text as account,
    case when said.is_bare then said.words end as statement,
    said.calls,
    said.total_exec_time as milliseconds,
    said.total_exec_time / nullif(said.everything, 0) as share,
    case
        when said.is_bare
            then
                'explain (generic_plan) '
                -- A constant with its type before it is no expression once it is a parameter.
                || regexp_replace(said.words, '\m(interval|date|time|timestamp|timestamptz) (\$\d+)', '\2::\1', 'gi')
    end as explain
from (
    select
        s.*,
        btrim(regexp_replace(s.query, '\s+', ' ', 'g')) as words,
        s.query ~* '^\s*(select|with|insert|update|delete|merge)\M'
        and regexp_replace(
            s.query, '\$\d+|::\s*[a-z_ ]+\(\d+(?:\s*,\s*\d+)?\)|\m(?:order|group)\s+by\s+\d+(?:\s*,\s*\d+)*', '', 'gi'
        ) !~ '''|\$|--|/\*|;|\m\d|\.\d' as is_bare,
        sum(s.total_exec_time) over () as everything
    from public.pg_stat_statements as s
    where s.toplevel and s.dbid = (select d.oid from pg_database as d where d.datname = current_database())
) as said
where said.userid = (select r.oid from pg_roles as r where r.rolname = current_user)
order by said.total_exec_time desc
limit %(most)s
