"""What applications import: typed access to the keyspaces, by the blueprint's own fields, bounds and expiries."""

from __future__ import annotations
