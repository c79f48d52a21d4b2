-- How often the server was asked statements of these shapes in this database, and how many pages and milliseconds each took.
select shape, calls, pages, milliseconds
from watch.statement_figures(%(shapes)s)
