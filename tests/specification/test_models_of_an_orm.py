"""An ORM's models as the specification's DDL has them: nothing is to be created, rows are written and read, and what they lack is told."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects.postgresql import JSONB

pytestmark = pytest.mark.exhaustive
NOW = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)


class Base(orm.DeclarativeBase):
    """The tables that are written here."""


class Indicator(Base):
    """2.2.2, to the letter."""

    __tablename__ = "technical_indicators"
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    symbol: orm.Mapped[str] = orm.mapped_column(sa.String(20))
    timestamp: orm.Mapped[datetime.datetime] = orm.mapped_column(sa.DateTime(timezone=True))
    indicator_type: orm.Mapped[str] = orm.mapped_column(sa.String(50))
    value: orm.Mapped[Decimal | None] = orm.mapped_column(sa.Numeric(19, 6))
    parameters: orm.Mapped[Any] = orm.mapped_column(JSONB, nullable=True)


class User(Base):
    """2.1.1, without its defaults."""

    __tablename__ = "users"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    username: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    email: orm.Mapped[str] = orm.mapped_column(sa.String(255))
    password_hash: orm.Mapped[str] = orm.mapped_column(sa.String(255))
    is_active: orm.Mapped[bool | None]


class Run(Base):
    """2.4.1, to the letter."""

    __tablename__ = "backtest_runs"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    user_id: orm.Mapped[int | None]
    strategy_name: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    start_date: orm.Mapped[datetime.datetime] = orm.mapped_column(sa.DateTime(timezone=True))
    end_date: orm.Mapped[datetime.datetime] = orm.mapped_column(sa.DateTime(timezone=True))
    symbols: orm.Mapped[list[str]] = orm.mapped_column(sa.ARRAY(sa.Text))
    parameters: orm.Mapped[Any] = orm.mapped_column(JSONB, nullable=True)
    status: orm.Mapped[str] = orm.mapped_column(sa.String(20))


@pytest.fixture
def session(settings: Mapping[str, str]) -> Iterator[orm.Session]:
    """A session whose work is undone."""
    engine = sa.create_engine(settings["DATABASE_URL"], poolclass=sa.NullPool)
    with orm.Session(engine) as opened:
        yield opened
        opened.rollback()


def indicator(**changes: Any) -> Indicator:
    return Indicator(**{"symbol": "AAPL", "timestamp": NOW, "indicator_type": "rsi", "value": Decimal(50)} | changes)


def test_there_is_nothing_to_create(session: orm.Session) -> None:
    made: list[str] = []
    sa.event.listen(session.get_bind(), "before_cursor_execute", lambda *seen: made.append(seen[2]))
    Base.metadata.create_all(session.get_bind())
    assert made
    assert [statement for statement in made if "CREATE" in statement.upper()] == []


def test_all_tables_are_reflected(session: orm.Session) -> None:
    metadata = sa.MetaData()
    metadata.reflect(session.get_bind(), only=["users", "user_profiles", "orders", "trades", "market_data"])
    assert [column.name for column in metadata.tables["orders"].primary_key] == ["id"]
    assert isinstance(metadata.tables["orders"].c.quantity.type, sa.Numeric)


def test_an_indicator_with_parameters_is_written_changed_and_read(session: orm.Session) -> None:
    row = indicator(parameters={"period": 14})
    session.add(row)
    session.flush()
    row.value = Decimal(51)
    session.flush()
    session.expire_all()
    assert session.scalar(sa.select(Indicator.value).where(Indicator.id == row.id)) == 51


def test_one_without_parameters_has_none(session: orm.Session) -> None:
    row = indicator()
    session.add(row)
    session.flush()
    session.expire_all()
    assert row.parameters == {}


def test_a_column_with_a_default_that_the_model_lacks_is_named(session: orm.Session) -> None:
    # SQLAlchemy writes null for what it isn't given; with server_default it leaves the column to the server.
    session.add(User(username="orm", email="orm@example.org", password_hash="$argon2id$x"))
    with pytest.raises(sa.exc.IntegrityError, match='null value in column "is_active"'):
        session.flush()


def test_jsons_own_null_is_refused_and_sqls_taken(session: orm.Session) -> None:
    number = session.execute(
        sa.text("insert into users (username, email, password_hash) values ('orm', 'orm@example.org', '$argon2id$x') returning id")
    ).scalar_one()
    run = {"user_id": number, "strategy_name": "s", "start_date": NOW, "end_date": NOW + datetime.timedelta(days=1), "symbols": ["AAPL"]}
    session.add(Run(**run, status="queued"))
    session.flush()
    session.add(Run(**run, status="queued", parameters=JSONB.NULL))
    with pytest.raises(sa.exc.IntegrityError, match="ck_backtest_runs_parameters"):
        session.flush()
