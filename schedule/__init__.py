"""What a stack does by itself: backups, pruning, upkeep, drills and checks, each when it is due, and the process that does it."""
