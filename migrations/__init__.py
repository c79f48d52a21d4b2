"""The relational schema's history: Alembic revisions with their SQL in named files, and the code that runs them."""
