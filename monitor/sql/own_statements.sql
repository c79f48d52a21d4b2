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
                -- What stands beside a constant to say its type, or is one for the server alone, fits no parameter: `interval '1 day'`, `2.0 / 13`,
                -- and the word of `extract(epoch from ...)`.
                || regexp_replace(
                    regexp_replace(
                        regexp_replace(said.words, '\mextract\(\$\d+ from', 'extract(epoch from', 'gi'),
                        '(\$\d+) ([-+*/]) (\$\d+)', '\1::numeric \2 \3', 'g'
                    ),
                    '\m(interval|date|time|timestamp|timestamptz) (\$\d+)', '\2::\1', 'gi'
                )
    end as explain
from (
    select
        s.*,
        btrim(regexp_replace(s.plain, '\s+', ' ', 'g')) as words,
        s.plain ~* '^\s*(select|with|insert|update|delete|merge)\M'
        and regexp_replace(
            s.plain, '\$\d+|::\s*[a-z_ ]+\(\d+(?:\s*,\s*\d+)?\)|\m(?:order|group)\s+by\s+\d+(?:\s*,\s*\d+)*', '', 'gi'
        ) !~ '''|\$|--|/\*|\*/|;|\m\d|\.\d'
        -- What looks like a comment may be a part of a quoted name.
        and not (s.query ~ '"' and s.query ~ '--|/\*') as is_bare,
        sum(s.total_exec_time) over () as everything
    from (
        select
            r.*,
            -- Without comments, which may say anything. In two steps: a pattern of two branches would take all up to the last comment.
            regexp_replace(regexp_replace(r.query, '/\*.*?\*/', ' ', 'g'), '--[^\n]*', ' ', 'g') as plain
        from public.pg_stat_statements as r
        where r.toplevel and r.dbid = (select d.oid from pg_database as d where d.datname = current_database())
    ) as s
) as said
where said.userid = (select r.oid from pg_roles as r where r.rolname = current_user)
order by said.total_exec_time desc
limit %(most)s
