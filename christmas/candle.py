"""A candle: what a symbol's price did in one interval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Candle:
    """What a symbol's price did in one interval."""

    timestamp: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def fields(self) -> dict[str, Any]:
        """The candle as its keyspace declares it."""
        return {name: getattr(self, name) for name in self.__slots__}
