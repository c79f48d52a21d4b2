"""Indicators, as a hypertable."""

from __future__ import annotations

from migrations.statements import run

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Apply the step."""
    run("0003_technical_indicators.up")


def downgrade() -> None:
    """Undo the step."""
    run("0003_technical_indicators.down")
