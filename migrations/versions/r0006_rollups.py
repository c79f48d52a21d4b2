"""Longer candles, the columnstore and data retention, as the server's edition has them."""

from __future__ import annotations

from migrations.edition import of_schema, of_server
from migrations.statements import run

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Apply the step in the form for the server's edition."""
    run(f"0006_rollups.{of_server()}.up")


def downgrade() -> None:
    """Undo the step in the form in which it was applied: a server may have changed its edition since."""
    run(f"0006_rollups.{of_schema()}.down")
