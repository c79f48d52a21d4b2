"""Putting a set back: beside the live stores, onto them, or for a drill."""
