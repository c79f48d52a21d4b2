-- Takes away what make.sql made.
drop event trigger refuses;
drop function public.refuse();
drop database beside_it;
select pg_drop_replication_slot('reader');
drop publication everything;
drop sequence public.counter;
drop table public.picky;
drop function public.picks(int);
drop table public.half_checked, public.secrets, public.half_elsewhere, public.elsewhere, public.cache, public.child, public.parent;
drop table public.parted, public."주문 ""내역"".a", public.no_columns, public.odd_types;
drop materialized view public.summary, public.never_filled;
drop table public.webhook_log;
drop type public.pair, public.document, public.mood;
drop schema "Zweites Schema" cascade;
drop role stranger;
drop extension file_fdw cascade;
select lo_unlink(oid) from pg_largeobject_metadata;
