-- The library for applications has another name than when this hint was written.
create or replace function refuse_sealed_comparison(one sealed, other sealed) returns boolean
language plpgsql
set search_path = pg_catalog
as $$
begin
    raise exception 'names, phone and address are sealed by the application: SQL can''t compare them or search in them'
        using errcode = 'feature_not_supported',
            hint = 'Find people by phone with christmas.profiles (find_by_phone), else by user_id, and open the rows: docs/security.md';
end
$$;
