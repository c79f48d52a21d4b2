"""Backup sets of the three stores: make, list, verify, restore, drill and prune them."""
