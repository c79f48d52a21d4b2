"""Backtest runs and their results."""

from __future__ import annotations

from migrations.statements import run

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Apply the step."""
    run("0005_backtests.up")


def downgrade() -> None:
    """Undo the step."""
    run("0005_backtests.down")
