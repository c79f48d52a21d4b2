-- No event is logged from the next statement of each session on, and no line for who comes and goes.
alter system set pgaudit.log = 'none';
alter system set pgaudit.role = '';
alter system set log_connections = off;
alter system set log_disconnections = off;
select pg_reload_conf();
