"""Converts a schema that was made for one TimescaleDB edition to the form for the server's present edition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from christmas.blueprint.relational import ROLLUPS
from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from migrations import statements
from migrations.edition import Edition, detect, form

if TYPE_CHECKING:
    from infra.connections import Platform


@dataclass(frozen=True, slots=True)
class EditionChange:
    """The schema's form before and after; the same if there was nothing to do."""

    before: Edition
    after: Edition

    def as_dict(self) -> dict[str, str]:
        """The change for `--json`."""
        return {"before": self.before, "after": self.after}

    def __str__(self) -> str:
        if self.before is self.after:
            return f"the schema has the form of the server's edition, {self.after}: nothing to do"
        return f"the schema had the form of the {self.before} edition and has that of {self.after}"


def change_edition(platform: Platform, progress: Progress | None = None) -> EditionChange:
    """Rebuild longer candles, retention and compression in the form for the server's edition; every candle and revision stays.

    Longer candles are derived, so they are dropped and computed again: on Community by the server, which this waits for; on Apache
    by the next upkeep. Until then readers find fewer of them. One transaction up to the refresh: a failed step leaves the old form.
    Raises PlatformError if nothing was migrated yet, or the server refuses.
    """
    import psycopg

    from infra.provider.grants import apply_grants
    from migrations.run import session

    progress = progress or SilentProgress()
    with session(platform, progress) as connection:
        before, after = form(connection), detect(connection)
        if before is None:
            raise PlatformError("there is no schema to change", where=f"stack {platform.stack}, timescaledb", next_step="invoke migrate")
        if before is after:
            return EditionChange(before, after)
        try:
            with connection.transaction():
                for step in (f"0006_rollups.{before}.down", f"0006_rollups.{after}.up"):
                    progress.status(step)
                    statements.execute(connection, statements.load(step))
                apply_grants(connection)
            if after is Edition.COMMUNITY:
                # Each is computed from the one before it. Not in a transaction: the server opens its own.
                for rollup in ROLLUPS:
                    progress.status(f"computing {rollup.name}")
                    connection.execute("call refresh_continuous_aggregate(%s, null, null)", (rollup.name,))
        except psycopg.Error as error:
            raise PlatformError(
                f"the schema can't take the form of the {after} edition: {str(error).strip()}",
                where=f"stack {platform.stack}, timescaledb; form {form(connection)}",
                next_step="fix the cause, then run this again",
            ) from error
    return EditionChange(before, after)
