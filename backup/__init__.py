"""Backup sets over the three stores: made, listed, verified, restored, drilled and pruned."""
