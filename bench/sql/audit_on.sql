-- As the server's configuration has it.
alter system reset pgaudit.log;
alter system reset pgaudit.role;
alter system reset log_connections;
alter system reset log_disconnections;
select pg_reload_conf();
