-- What sessions of accounts are at, without a word of what they said.
select pid, account, address, is_busy, transaction_seconds, statement_seconds
from watch.sessions()
where account is not null
