-- Whoever backs a big database up waits for a dump and for hashes in the middle of a transaction, and proving one takes hours: no limit that
-- the server, the database or a role has may end such a session meanwhile.
select set_config(name, '0', false)
from pg_settings
where name in ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')
