-- squawk-ignore-file renaming-column
-- The plain columns take their place again, once every row is opened.

drop function field_key_usage();

alter table user_profiles
drop column first_name,
drop column last_name,
drop column phone,
drop column address,
drop column phone_index;

alter table user_profiles rename column plain_first_name to first_name;
alter table user_profiles rename column plain_last_name to last_name;
alter table user_profiles rename column plain_phone to phone;
alter table user_profiles rename column plain_address to address;

comment on column user_profiles.first_name is 'Given name';
comment on column user_profiles.last_name is 'Family name';
comment on column user_profiles.phone is 'Phone number';
comment on column user_profiles.address is 'Postal address';
