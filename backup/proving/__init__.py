"""Proofs of a drill on restored stores, and whether accounts can log in."""
