"""Tools for a person at a terminal: platform status, machine diagnosis, store prompts, logs."""
