"""The declaration of what should exist. Everything else in this project reads it; it reads nothing.

Plain frozen data: no engine, no driver, nothing slow to import.
"""

from __future__ import annotations
