"""The audit: who did what in the three stores, in one form, in files whose lines are chained by hashes."""
