-- Room for names, phone and address in plain text, beside the sealed columns.

alter table user_profiles
add column plain_first_name varchar(100),
add column plain_last_name varchar(100),
add column plain_phone varchar(20),
add column plain_address text;
