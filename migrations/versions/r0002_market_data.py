"""Candles, as a hypertable."""

from __future__ import annotations

from migrations.statements import run

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Apply the step."""
    run("0002_market_data.up")


def downgrade() -> None:
    """Undo the step."""
    run("0002_market_data.down")
