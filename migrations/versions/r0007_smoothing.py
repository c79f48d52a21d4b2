"""Exponential smoothing, for indicators."""

from __future__ import annotations

from migrations.statements import run

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Apply the step."""
    run("0007_smoothing.up")


def downgrade() -> None:
    """Undo the step."""
    run("0007_smoothing.down")
