-- online: the table has rows and writers
create index concurrently if not exists idx_user_profiles_phone_index on user_profiles (phone_index);
