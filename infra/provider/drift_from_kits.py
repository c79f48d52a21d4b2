"""The drift of a secret whose state came from a recovery kit. A file of its own: who moves states needs nothing else of the provider."""

from __future__ import annotations

FROM_KIT = "taken from a recovery kit, and not yet compared with what is kept here"
"""A secret that is already kept here wins, and is never overwritten."""
