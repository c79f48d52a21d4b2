-- squawk-ignore-file require-concurrent-index-deletion
-- Phones are found by their plain value again.
drop index idx_user_profiles_phone_index;
