-- squawk-ignore-file prefer-robust-stmts
-- online: rows are read without holding up their writers
alter table user_profiles validate constraint ck_user_profiles_first_name;
alter table user_profiles validate constraint ck_user_profiles_last_name;
alter table user_profiles validate constraint ck_user_profiles_phone;
alter table user_profiles validate constraint ck_user_profiles_address;
alter table user_profiles validate constraint ck_user_profiles_phone_index;
