"""PostgreSQL's part of a set: backed up by pgBackRest and pg_dump, its log and timelines, restored and proven."""
