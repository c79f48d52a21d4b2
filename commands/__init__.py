"""What `invoke` offers, a file for each namespace. Tasks introduce, rooms do the work: imports stand inside, so that listing is quick."""

from __future__ import annotations
