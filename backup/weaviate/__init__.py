"""Weaviate's part of a set: its own module's backup and a portable dump, restored and counted."""
