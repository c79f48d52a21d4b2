"""The expected cost of `make up`, written once: seconds of each step, and disk space. The announcement prints these figures.

The seconds are from one run on two cores (bench/README.md), the engine's from an earlier one. STACK_BYTES and MEMORY_BYTES are
estimates; the other sizes were measured. For overlapping steps, a step's figure is the time that the total loses without it, so that
the sum of the open steps is the total time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """Seconds of a step from scratch, and with nothing to do."""

    cold: float
    warm: float


STEPS: dict[str, Expected] = {
    "Python environment": Expected(16, 0.5),
    "Docker engine": Expected(13, 0.5),
    "Pulumi CLI": Expected(290, 0.1),
    "images": Expected(240, 0.5),
    "platform and data": Expected(66, 15),
}
"""By the step's name. The steps for a stack are one here."""

CLI_BYTES = 5_500_000_000
"""Room in the cache while the Pulumi CLI is built: sources 1.9 GB, compiled packages 2.5 GB, linking 0.6 GB; measured on amd64."""

CLI_RESUMED_BYTES = 1_500_000_000
"""The same for a build that began earlier."""

WEAVIATE_BYTES = 6_000_000_000
"""Room in the cache while Weaviate is built: sources 1.6 GB, compiled packages 3.5 GB, linking 0.7 GB; measured on amd64."""

WHEELS_BYTES = 500_000_000
"""Room in the cache for the embedder's packages."""

IMAGE_BYTES = {
    "timescaledb": 1_500_000_000,
    "redis": 400_000_000,
    "haproxy": 400_000_000,
    "weaviate": 900_000_000,
    "embedder": 900_000_000,
    "monitoring": 1_500_000_000,
    "trading_desk": 700_000_000,
}
"""The space for a build in Docker's own folder, with a reserve."""

CLONE_BYTES = 1_200_000_000
"""Free room beside the clone for `.venv`, development tools included, and the state."""

STACK_BYTES = 1_000_000_000
"""Room in Docker's own folder for a stack with the sample data, its write-ahead log and its first backup set."""

MEMORY_BYTES = 4_000_000_000
"""Memory available to programs while the Go programs are compiled or the containers run."""
