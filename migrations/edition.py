"""Which TimescaleDB edition answers: it decides how the blueprint's rules are carried out, never what they mean."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from migrations.queries import scalar

if TYPE_CHECKING:
    import psycopg


class Edition(StrEnum):
    """Apache 2 lacks the columnstore, continuous aggregates and the job scheduler's policies; Community has them."""

    APACHE = "apache"
    COMMUNITY = "community"


def detect(connection: psycopg.Connection) -> Edition:
    """The edition of the server behind `connection`, from `timescaledb.license`."""
    return Edition.COMMUNITY if scalar(connection, "show timescaledb.license") == "timescale" else Edition.APACHE
