"""Names, phone and address of profiles are sealed by the application; the database holds nothing that it could read."""

from __future__ import annotations

from migrations import profile_sealing
from migrations.online import build_index
from migrations.statements import run

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Seal what is there without holding up its writers, then let the sealed columns take the plain ones' place."""
    profile_sealing.seal_online("0008_sealed_profiles.columns.up", "0008_sealed_profiles.validate")
    build_index("0008_sealed_profiles.index.up")
    profile_sealing.seal_the_rest()
    run("0008_sealed_profiles.up")


def downgrade() -> None:
    """Open every row and keep it in the plain columns; refused without the keys."""
    run("0008_sealed_profiles.columns.down")
    profile_sealing.open_all()
    run("0008_sealed_profiles.index.down")
    run("0008_sealed_profiles.down")
