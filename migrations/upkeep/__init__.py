"""What keeps a schema of the Apache edition as the Community edition's jobs would: refreshed rollups, dropped chunks."""
