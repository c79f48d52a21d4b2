"""The newest rows of a hypertable are found by time alone, and fills stay within their order."""

from __future__ import annotations

from migrations.online import build_index
from migrations.statements import run

revision = "0009"
down_revision: str | None = "0008"


def upgrade() -> None:
    """Build the indexes without holding up writers, then let the fills be guarded."""
    build_index("0009_newest_rows_and_fills.market_data.up")
    build_index("0009_newest_rows_and_fills.technical_indicators.up")
    run("0009_newest_rows_and_fills.up")


def downgrade() -> None:
    """Undo the step; no row changes."""
    run("0009_newest_rows_and_fills.down")
    run("0009_newest_rows_and_fills.technical_indicators.down")
    run("0009_newest_rows_and_fills.market_data.down")
