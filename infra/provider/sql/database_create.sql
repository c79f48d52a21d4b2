-- Outside any transaction, as CREATE DATABASE has to be.
select format('create database %I owner %I', :'name', :'owner')
where not exists (select from pg_database where datname = :'name') \gexec
