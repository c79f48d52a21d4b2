"""Readers: each converts one format's text into blocks."""

from __future__ import annotations
