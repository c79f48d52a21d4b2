"""The demo users: invented people, in the languages of the platform's users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Person:
    """A demo user and profile. RFC 2606 reserves `example.com`, and the numbers +82-2-555 / +1-555-01xx are not in use."""

    username: str
    first_name: str
    last_name: str
    phone: str
    address: str
    theme: str
    watched: tuple[str, ...]
    joined: datetime
    active: bool = True

    @property
    def email(self) -> str:
        """Address in a domain that nobody can own."""
        return f"{self.username}@example.com"

    @property
    def preferences(self) -> dict[str, Any]:
        """The value of `user_profiles.preferences` and of its cached copy."""
        return {
            "theme": self.theme,
            "dashboard_layout": {"columns": 2, "widgets": ["watchlist", "orders", "chart"], "symbols": list(self.watched)},
            "notification_settings": {"email": self.active, "push": False, "filled_orders": True},
        }


PEOPLE = (
    Person(
        "minji.kim",
        "민지",
        "김",
        "+82-2-555-0101",
        "서울특별시 종로구 세종대로 1",
        "dark",
        ("AAPL", "GOOG"),
        datetime(2011, 11, 2, 1, 30, tzinfo=UTC),
    ),
    Person(
        "jihoon.lee",
        "지훈",
        "이",
        "+82-51-555-0102",
        "부산광역시 해운대구 해운대해변로 2",
        "light",
        ("IBM", "MSFT"),
        datetime(2011, 11, 14, 7, 5, tzinfo=UTC),
    ),
    Person(
        "sora.park",
        "소라",
        "박",
        "+82-53-555-0103",
        "대구광역시 중구 동성로 3",
        "dark",
        ("FB", "AAPL"),
        datetime(2011, 12, 1, 23, 48, tzinfo=UTC),
    ),
    Person(
        "alex.morgan",
        "Alex",
        "Morgan",
        "+1-555-0104",
        "4 Sample Street, Springfield",
        "light",
        ("GOOG", "IBM", "MSFT"),
        datetime(2011, 12, 9, 15, 12, tzinfo=UTC),
    ),
    Person(
        "maria.silva",
        "Maria",
        "Silva",
        "+1-555-0105",
        "5 Sample Street, Springfield",
        "dark",
        ("AAPL", "MSFT"),
        datetime(2011, 12, 20, 18, 40, tzinfo=UTC),
    ),
    # A former user: has no trades, and may not log in.
    Person(
        "kenji.tanaka",
        "健二",
        "田中",
        "+1-555-0106",
        "6 Sample Street, Springfield",
        "light",
        ("IBM",),
        datetime(2011, 12, 27, 4, 20, tzinfo=UTC),
        active=False,
    ),
)
