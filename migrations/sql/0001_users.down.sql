-- Ends the users and their profiles, with all that is in them.

drop table user_profiles;
drop table users;
drop function set_updated_at();
