-- How many transactions ago each database was last made safe from the counter's turn, and the same for locks that several share.
select
    datname::text as name,
    age(datfrozenxid)::bigint as transactions,
    mxid_age(datminmxid)::bigint as shared
from pg_database
order by greatest(age(datfrozenxid), mxid_age(datminmxid)) desc
