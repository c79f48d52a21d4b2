"""Readers: each turns one format's text into blocks."""

from __future__ import annotations
