-- What a backup of this database's rows leaves out: replication slots, which no physical backup has, subscriptions, and other databases.
select 'slot' as kind, slot_name::text as name from pg_replication_slots where not temporary
union all
select 'subscription', subname::text from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())
union all
select 'database', datname::text from pg_database
where not datistemplate and datallowconn and datname not in (current_database(), 'postgres')
order by 1, 2
