"""What grows: the sizes of tables, keyspaces, collections and backups, and when a limit is reached at that pace."""
