"""${message}."""

from __future__ import annotations

from migrations.statements import run

revision = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}


def upgrade() -> None:
    """Apply the step."""
    run("${config.attributes['sql_name']}.up")


def downgrade() -> None:
    """Undo the step."""
    run("${config.attributes['sql_name']}.down")
