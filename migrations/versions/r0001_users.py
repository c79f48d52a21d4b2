"""Users and their profiles."""

from __future__ import annotations

from migrations.statements import run

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Apply the step."""
    run("0001_users.up")


def downgrade() -> None:
    """Undo the step."""
    run("0001_users.down")
