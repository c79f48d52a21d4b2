"""The server's TimescaleDB edition: it decides how the blueprint's rules are implemented, never what they mean."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from migrations.queries import scalar
from migrations.statements import driver

if TYPE_CHECKING:
    import psycopg

# Tables that one form of the schema needs itself and no account may use.
INTERNAL_TABLES = {"candle_changes": "Days whose longer candles are out of date (Apache edition)"}

_FORM = "select relkind::text from pg_catalog.pg_class where oid = pg_catalog.to_regclass('public.candles_5m')"


class Edition(StrEnum):
    """Apache 2 lacks the columnstore, continuous aggregates and the job scheduler's policies; Community has them."""

    APACHE = "apache"
    COMMUNITY = "community"


def detect(connection: psycopg.Connection) -> Edition:
    """The server's edition, from `timescaledb.license`."""
    return Edition.COMMUNITY if scalar(connection, "show timescaledb.license") == "timescale" else Edition.APACHE


def form(connection: psycopg.Connection) -> Edition | None:
    """The edition that the schema was made for: longer candles are views or tables; None if there are none yet."""
    kind = scalar(connection, _FORM)
    return None if kind is None else Edition.COMMUNITY if kind == "v" else Edition.APACHE


def of_server() -> Edition:
    """Inside a revision: the server's edition."""
    return detect(driver())


def of_schema() -> Edition:
    """Inside a revision: the edition that the schema was made for, or the server's if the schema doesn't show it."""
    return form(driver()) or of_server()
