-- The files of these tables and of all below them. In a transaction with a snapshot, as they were at the snapshot: who truncates, rewrites or
-- drops one afterwards takes its rows away from that snapshot too.
with recursive tree as (
    select oid as root, oid from pg_class where oid = any(%s::oid[])
    union
    select tree.root, below.inhrelid
    from tree
    inner join pg_inherits as below on tree.oid = below.inhparent
)

select tree.root::bigint, tree.oid::bigint, relation.relfilenode::bigint
from tree
inner join pg_class as relation on tree.oid = relation.oid
