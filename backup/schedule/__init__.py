"""Backups and drills by the clock: what is due is decided from the sets that are there, never from when something last woke up."""
