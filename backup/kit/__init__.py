"""The recovery kit: one encrypted file with all that a new machine needs besides the backups themselves."""
