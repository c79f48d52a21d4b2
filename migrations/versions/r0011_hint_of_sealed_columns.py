"""The hint of a refused comparison names the library that applications have now."""

from __future__ import annotations

from migrations.statements import run

revision = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    """Apply the step."""
    run("0011_hint_of_sealed_columns.up")


def downgrade() -> None:
    """Undo the step."""
    run("0011_hint_of_sealed_columns.down")
