"""Comparisons with sealed columns are refused, where they used to find nothing."""

from __future__ import annotations

from migrations.statements import run

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    """Apply the step."""
    run("0010_sealed_comparisons.up")


def downgrade() -> None:
    """Undo the step."""
    run("0010_sealed_comparisons.down")
