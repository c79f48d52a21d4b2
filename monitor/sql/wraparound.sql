-- Age of each database in transactions and multixacts.
select
    datname::text as name,
    age(datfrozenxid)::bigint as transactions,
    mxid_age(datminmxid)::bigint as shared
from pg_database
order by greatest(age(datfrozenxid), mxid_age(datminmxid)) desc
