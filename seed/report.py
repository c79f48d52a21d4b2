"""The result of a seeding run, counted in the same way by every loader."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class SeedReport:
    """Counts of one loader's run.

    `inserted`, `updated` and `unchanged` count rows, keys or objects; `seconds` is wall-clock time.
    """

    name: str
    inserted: int
    updated: int
    unchanged: int
    seconds: float

    @property
    def changed(self) -> int:
        """The number of writes; 0 if the run changed nothing."""
        return self.inserted + self.updated

    def as_dict(self) -> dict[str, str | int | float]:
        """The counts for `--json`, `changed` included."""
        return {**asdict(self), "changed": self.changed}

    def __str__(self) -> str:
        return f"{self.name}: {self.inserted} inserted, {self.updated} updated, {self.unchanged} unchanged ({self.seconds:.1f} s)"
