-- Which of these transactions have committed.
select transaction from unnest(%s::xid8[]) as transaction where pg_xact_status(transaction) = 'committed'
