from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import PlatformError
from seed import candles


def test_samples_are_the_bundled_daily_candles() -> None:
    loaded = list(candles.samples())
    assert Counter(candle.symbol for candle in loaded) == {"AAPL": 3270, "FB": 196, "GOOG": 2148, "IBM": 3270, "MSFT": 3270}
    assert loaded[0] == candles.Candle(
        "AAPL",
        datetime(2000, 3, 1, tzinfo=UTC),
        Decimal("118.56"),
        Decimal("132.06"),
        Decimal("118.5"),
        Decimal("130.31"),
        Decimal("9616100"),
    )
    assert len({(candle.symbol, candle.timestamp) for candle in loaded}) == len(loaded)


def test_samples_keep_the_rules_of_the_table() -> None:
    loaded = candles.samples()
    assert loaded
    for candle in loaded:
        assert candle.low <= candle.open <= candle.high
        assert candle.low <= candle.close <= candle.high
        assert candle.volume > 0
        assert candle.timestamp.timetz() == time(tzinfo=UTC)


def test_missing_samples_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(candles, "find_spec", lambda _: None)
    with pytest.raises(PlatformError, match="sample candles are missing"):
        candles.sample_file()
