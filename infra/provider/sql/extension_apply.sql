-- Install an extension, or bring it to the version that the server brings along.
select case when e.extversion is null then format('create extension %I schema public', a.name) else format('alter extension %I update', a.name) end
from (select :'extension' as name) as a left join pg_extension as e on e.extname = a.name
where e.extversion is null or e.extversion <> (select default_version from pg_available_extensions as v where v.name = a.name) \gexec
