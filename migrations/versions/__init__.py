"""The revisions, oldest first by number. Their SQL lies in `migrations/sql`."""
