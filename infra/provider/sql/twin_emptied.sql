-- In one database: what an account's second login owns becomes the account's, and what was granted to it is revoked.
begin;
select pg_advisory_xact_lock(:lock) \g /dev/null
reassign owned by :"name" to :"account";
drop owned by :"name";
commit;
