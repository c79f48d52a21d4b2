-- squawk-ignore-file ban-drop-constraint
-- Room for names, phone and address as the application seals them, beside the plain columns. Can be run again, which is why
-- its own constraints are dropped first.

alter table user_profiles
add column if not exists sealed_first_name bytea,
add column if not exists sealed_last_name bytea,
add column if not exists sealed_phone bytea,
add column if not exists sealed_address bytea,
add column if not exists phone_index bytea;

-- No UTF-8 text begins with the byte C1, so whatever a client takes for text is refused. Lengths are a header, a nonce and a tag of
-- 48 bytes together, and whole blocks: as many as the specification's lengths take in UTF-8.
alter table user_profiles
drop constraint if exists ck_user_profiles_first_name,
drop constraint if exists ck_user_profiles_last_name,
drop constraint if exists ck_user_profiles_phone,
drop constraint if exists ck_user_profiles_address,
drop constraint if exists ck_user_profiles_phone_index,
add constraint ck_user_profiles_first_name check (
    substring(sealed_first_name from 1 for 2) = '\xc101'::bytea
    and octet_length(sealed_first_name) between 64 and 464
    and octet_length(sealed_first_name) % 16 = 0
) not valid,
add constraint ck_user_profiles_last_name check (
    substring(sealed_last_name from 1 for 2) = '\xc101'::bytea
    and octet_length(sealed_last_name) between 64 and 464
    and octet_length(sealed_last_name) % 16 = 0
) not valid,
add constraint ck_user_profiles_phone check (
    substring(sealed_phone from 1 for 2) = '\xc101'::bytea
    and octet_length(sealed_phone) between 64 and 144
    and octet_length(sealed_phone) % 16 = 0
) not valid,
add constraint ck_user_profiles_address check (
    substring(sealed_address from 1 for 2) = '\xc101'::bytea
    and octet_length(sealed_address) >= 64
    and octet_length(sealed_address) % 16 = 0
) not valid,
-- A key's number and fingerprint, and a hash: there exactly where there is a phone.
add constraint ck_user_profiles_phone_index check (
    (sealed_phone is null) = (phone_index is null) and octet_length(phone_index) = 38
) not valid;

comment on column user_profiles.sealed_first_name is 'Given name, sealed by the application';
comment on column user_profiles.sealed_last_name is 'Family name, sealed by the application';
comment on column user_profiles.sealed_phone is 'Phone number, sealed by the application';
comment on column user_profiles.sealed_address is 'Postal address, sealed by the application';
comment on column user_profiles.phone_index is 'Keyed hash of the phone number, to find rows by it';

-- Applications go on writing plain columns until the last moment: what they change has to be sealed again.
create or replace function unseal_changed_profile() returns trigger
language plpgsql
set search_path = pg_catalog
as $$
begin
    new.sealed_first_name := null;
    new.sealed_last_name := null;
    new.sealed_phone := null;
    new.sealed_address := null;
    new.phone_index := null;
    return new;
end
$$;

comment on function unseal_changed_profile() is 'While profiles are being sealed: forgets what was sealed of a row that changed';

revoke all on function unseal_changed_profile() from public;

create or replace trigger user_profiles_unseal_changed
before update of first_name, last_name, phone, address on user_profiles
for each row when (
    (old.first_name, old.last_name, old.phone, old.address) is distinct from (new.first_name, new.last_name, new.phone, new.address)
)
execute function unseal_changed_profile();
