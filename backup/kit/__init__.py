"""The recovery kit: one encrypted file with everything that a new machine needs besides the backups."""
