"""PostgreSQL's part of a set: backup by pgBackRest and pg_dump, its WAL and timelines, restore and proofs."""
