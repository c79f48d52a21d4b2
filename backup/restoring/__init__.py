"""Restores a set: beside the live stores, onto them, or for a drill."""
