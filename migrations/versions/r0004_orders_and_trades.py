"""Orders and their fills."""

from __future__ import annotations

from migrations.statements import run

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Apply the step."""
    run("0004_orders_and_trades.up")


def downgrade() -> None:
    """Undo the step."""
    run("0004_orders_and_trades.down")
