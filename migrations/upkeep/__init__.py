"""Upkeep of a schema in the Apache edition, in place of Community's jobs: refreshes rollups, drops chunks."""
