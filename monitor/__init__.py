"""Checks that compare the running platform with the blueprint."""
