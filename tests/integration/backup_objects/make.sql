-- One of each object that somebody may put into a database, and that once ended a set, or was passed over without a word.

-- Types without a hash function, alone, in arrays, composites, domains and ranges; and a column that is called as the query's alias.
create type public.pair as (left_side json, right_side int);
create domain public.document as json check (value is not null);
create type public.mood as enum ('calm', 'nervous');
create table public.odd_types (
    t int generated always as identity primary key,
    j json, x xml, words tsvector, query tsquery, spot point, area polygon, cash money, bits bit varying, path jsonpath,
    pairs public.pair[], doc public.document, docs json[], span numrange, spans int4multirange, how public.mood,
    raw bytea, net inet, took interval, at timestamptz, real8 float8, snap pg_snapshot, kind regclass,
    twice int generated always as (1 + 1) stored
);
insert into public.odd_types (
    j, x, words, query, spot, area, cash, bits, path, pairs, doc, docs, span, spans, how, raw, net, took, at, real8, snap, kind
)
select
    format('{"n": %s}', n)::json, '<a>1</a>'::xml, 'stop order'::tsvector, 'stop & order'::tsquery, point(n, 0.1), polygon '((0,0),(1,1),(2,0))',
    1.5::money, b'101'::bit varying, '$.a', array[row('{}'::json, n)::public.pair], '{}', array['1'::json], numrange(1, n + 2),
    int4multirange(int4range(1, 2)), 'calm', '\x00ff', '10.0.0.1', interval '1 day 2 hours', now(), 0.1 + 0.2, pg_current_snapshot(), 'pg_class'
from generate_series(1, 5) as n;
create table public.webhook_log (id bigint generated always as identity primary key, payload json not null);
insert into public.webhook_log (payload) values ('{"event": "fill"}'), ('[]');

-- Tables of odd kinds and names.
create table public.no_columns ();
insert into public.no_columns select from generate_series(1, 3);
create table public."주문 ""내역"".a" (id int primary key, "값 %s" text, "select" json);
insert into public."주문 ""내역"".a" values (1, '하나', '{}'), (2, null, null);
create table public.parted (id int, day date, note json) partition by range (day);
create table public.parted_a partition of public.parted for values from ('2026-01-01') to ('2026-02-01');
create table public.parted_b partition of public.parted for values from ('2026-02-01') to ('2026-03-01');
insert into public.parted values (1, '2026-01-05', '{}'), (2, '2026-02-05', '[]');
create table public.parent (id int);
create table public.child () inherits (public.parent);
insert into public.child values (1), (2);
insert into public.parent values (3);
-- A promise of the parent's own, which its child need not keep; keys that point to partitions and chunks; a CHECK that holds on this server
-- alone; more columns than a function takes.
create table public.elder (id int primary key, v int check (v > 0) no inherit, w int check (w > 0));
create table public.younger (check (v < 0)) inherits (public.elder);
insert into public.elder values (1, 1, 1);
insert into public.younger values (1, -1, 1), (1, -2, 2);
create table public.named_after (elder int references public.elder);
insert into public.named_after values (1);
alter table public.parted add primary key (id, day);
create table public.points (id int, day date, foreign key (id, day) references public.parted);
insert into public.points values (1, '2026-01-05'), (2, '2026-02-05');
create table public.this_server (began timestamptz check (began = pg_postmaster_start_time()));
insert into public.this_server values (pg_postmaster_start_time());
select format('create table public.wide (%s)', string_agg(format('c%s int not null default 1', n), ', ')) from generate_series(1, 350) as n \gexec
insert into public.wide default values;
create unlogged table public.cache (id int primary key);
insert into public.cache select generate_series(1, 100);
create materialized view public.summary as select count(*) as n from public.webhook_log;
create materialized view public.never_filled as select 1 as n with no data;
create extension file_fdw;
create server files foreign data wrapper file_fdw;
create foreign table public.elsewhere (line text) server files options (filename '/nowhere.csv');
create table public.half_elsewhere (id int, line text) partition by list (id);
create foreign table public.half_there partition of public.half_elsewhere for values in (1) server files options (filename '/nowhere.csv');
create table public.half_here partition of public.half_elsewhere for values in (2);
insert into public.half_elsewhere values (2, 'here');

-- Rows that a policy hides, a schema of somebody else's, whom nobody else may read.
create table public.secrets (id int primary key, owner text);
insert into public.secrets select n, 'somebody' from generate_series(1, 7) as n;
alter table public.secrets enable row level security;
alter table public.secrets force row level security;
create policy mine on public.secrets using (owner = current_user);
create role stranger login;
create schema "Zweites Schema" authorization stranger;
set role stranger;
create table "Zweites Schema".ledger (id int generated by default as identity primary key, amount numeric check (amount >= 0));
insert into "Zweites Schema".ledger (amount) select n from generate_series(1, 11) as n;
reset role;

create table "Zweites Schema".ticks (at timestamptz not null, note json);
select create_hypertable('"Zweites Schema".ticks', by_range('at'));
insert into "Zweites Schema".ticks select now() - n * interval '10 days', '{}' from generate_series(1, 4) as n;

-- Large objects, which any account may create.
select lo_from_bytea(0, decode(repeat('ab', 5000), 'hex'));
select lo_from_bytea(0, '\x01');

-- What the live server itself does not trust, and constraints of the application's own making.
create table public.half_checked (id int, v int);
insert into public.half_checked values (1, -1), (1, 1);
alter table public.half_checked add constraint positive check (v > 0) not valid;
create index left_invalid on public.half_checked (id);
update pg_index set indisvalid = false where indexrelid = 'public.left_invalid'::regclass;
create table public.picky (id int primary key);
insert into public.picky values (1);
create function public.picks(int) returns boolean language plpgsql immutable as 'begin if current_setting(''a.b'', true) = ''on'' then raise exception ''no''; end if; return true; end';
alter table public.picky add constraint picks check (public.picks(id));

-- A tablespace, as far from the data directory as the server's own volume lets it.
create tablespace elsewhere_on_disk location '/home/postgres/pgdata/elsewhere';
create table public.on_another_disk (id int primary key) tablespace elsewhere_on_disk;
insert into public.on_another_disk select generate_series(1, 9);

-- Sequences, publications, slots, another database, and a trigger that lets nobody make anything.
create sequence public.counter;
select nextval('public.counter') from generate_series(1, 100);
create publication everything for all tables;
create subscription nothing connection 'host=127.0.0.1 port=1' publication everything with (connect = false);
select pg_create_physical_replication_slot('reader');
create database beside_it;
\connect postgres
create table public.astray as select 1 as n;
\connect christmas_db
create function public.refuse() returns event_trigger language plpgsql as 'begin raise exception ''nothing is made here''; end';
create event trigger refuses on ddl_command_start execute function public.refuse();
