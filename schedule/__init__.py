"""A stack's own work: backups, pruning, upkeep, drills and checks, each when due, and the process that runs them."""
