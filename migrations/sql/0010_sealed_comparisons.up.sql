-- squawk-ignore-file changing-column-type, ban-drop-function
-- What SQL compares with a sealed column is plain text, and a comparison of the two would find nothing and say nothing. So the
-- columns get a type of their own, the same bytes by another name, whose comparisons are refused with what to write instead.

create domain sealed as bytea;

comment on domain sealed is 'What the application has sealed: bytes that SQL neither compares nor searches';

-- Everybody may call it: all that it does is to refuse.
create function refuse_sealed_comparison(one sealed, other sealed) returns boolean
language plpgsql
set search_path = pg_catalog
as $$
begin
    raise exception 'names, phone and address are sealed by the application: SQL can''t compare them or search in them'
        using errcode = 'feature_not_supported',
            hint = 'Find people by phone with access.profiles (find_by_phone), else by user_id, and open the rows: docs/security.md';
end
$$;

comment on function refuse_sealed_comparison(sealed, sealed) is 'Refuses every comparison with a sealed column';

-- A list (`in`) and a bound parameter are bytes by the time that they are compared.
create function refuse_sealed_comparison(one sealed, other bytea) returns boolean
language sql
begin atomic
    select refuse_sealed_comparison(one, other::sealed);
end;

comment on function refuse_sealed_comparison(sealed, bytea) is 'Refuses every comparison with a sealed column';

create operator = (leftarg = sealed, rightarg = sealed, function = refuse_sealed_comparison);
create operator = (leftarg = sealed, rightarg = bytea, function = refuse_sealed_comparison);
create operator <> (leftarg = sealed, rightarg = sealed, function = refuse_sealed_comparison); -- noqa: LT01
create operator <> (leftarg = sealed, rightarg = bytea, function = refuse_sealed_comparison); -- noqa: LT01
create operator < (leftarg = sealed, rightarg = sealed, function = refuse_sealed_comparison);
create operator < (leftarg = sealed, rightarg = bytea, function = refuse_sealed_comparison);
create operator <= (leftarg = sealed, rightarg = sealed, function = refuse_sealed_comparison); -- noqa: LT01
create operator <= (leftarg = sealed, rightarg = bytea, function = refuse_sealed_comparison); -- noqa: LT01
create operator > (leftarg = sealed, rightarg = sealed, function = refuse_sealed_comparison);
create operator > (leftarg = sealed, rightarg = bytea, function = refuse_sealed_comparison);
create operator >= (leftarg = sealed, rightarg = sealed, function = refuse_sealed_comparison); -- noqa: LT01
create operator >= (leftarg = sealed, rightarg = bytea, function = refuse_sealed_comparison); -- noqa: LT01
create operator ~~ (leftarg = sealed, rightarg = sealed, function = refuse_sealed_comparison);
create operator ~~ (leftarg = sealed, rightarg = bytea, function = refuse_sealed_comparison);
create operator !~~ (leftarg = sealed, rightarg = sealed, function = refuse_sealed_comparison);
create operator !~~ (leftarg = sealed, rightarg = bytea, function = refuse_sealed_comparison);

drop function field_key_usage();

alter table user_profiles
alter column first_name type sealed,
alter column last_name type sealed,
alter column phone type sealed,
alter column address type sealed;

-- Numbers and fingerprints of keys are no secrets: this lets them be watched by who may not read the table.
create function field_key_usage() returns table (field text, key_number integer, fingerprint text, row_count bigint)
language sql
stable
security definer
set search_path = pg_catalog
begin atomic
    with heads (field, head, sealed) as (
        select
            'first_name',
            substring(first_name from 3 for 6),
            substring(first_name from 1 for 2) = '\xc101'::bytea
        from public.user_profiles
        where first_name is not null
        union all
        select
            'last_name',
            substring(last_name from 3 for 6),
            substring(last_name from 1 for 2) = '\xc101'::bytea
        from public.user_profiles
        where last_name is not null
        union all
        select
            'phone',
            substring(phone from 3 for 6),
            substring(phone from 1 for 2) = '\xc101'::bytea
        from public.user_profiles
        where phone is not null
        union all
        select
            'address',
            substring(address from 3 for 6),
            substring(address from 1 for 2) = '\xc101'::bytea
        from public.user_profiles
        where address is not null
        union all
        select
            'phone_index',
            substring(phone_index from 1 for 6),
            octet_length(phone_index) = 38
        from public.user_profiles
        where phone_index is not null
    )

    select
        field,
        case when sealed and octet_length(head) = 6 then get_byte(head, 0) * 256 + get_byte(head, 1) end as key_number,
        case when sealed and octet_length(head) = 6 then encode(substring(head from 3 for 4), 'hex') end as fingerprint,
        count(*) as row_count
    from heads
    group by 1, 2, 3;
end;

comment on function field_key_usage() is 'How many sealed values each key has, by column; no number for what is not sealed';

revoke all on function field_key_usage() from public;
grant execute on function field_key_usage() to monitor;
grant execute on function field_key_usage() to api;
