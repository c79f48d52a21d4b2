"""Benchmarks: one command each, figures as ratios of what was measured in the same run."""

from __future__ import annotations
