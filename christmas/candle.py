"""A candle: the prices of a symbol in one interval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Candle:
    """The prices and the volume of a symbol in one interval."""

    timestamp: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def fields(self) -> dict[str, Any]:
        """The candle's fields as its keyspace declares them."""
        return {name: getattr(self, name) for name in self.__slots__}
