"""One ComponentResource for each part of the platform."""

from __future__ import annotations
