"""The relational schema's history: Alembic revisions whose SQL lies in named files, and how they are run."""
