"""The application that was written against the specification runs with the settings of account `app`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT

pytestmark = pytest.mark.exhaustive
APPLICATION = Path(__file__).with_name("application.py")


@pytest.fixture(scope="module")
def told(settings: Mapping[str, str]) -> dict[str, object]:
    done = subprocess.run([sys.executable, str(APPLICATION)], env=dict(settings), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_it_has_the_specifications_four_names_and_no_url_needs_another(settings: Mapping[str, str]) -> None:
    assert {"DATABASE_URL", "REDIS_URL", "WEAVIATE_URL", "OPENAI_API_KEY"} <= settings.keys()
    bare = {"PATH": settings["PATH"], "DATABASE_URL": settings["DATABASE_URL"], "REDIS_URL": settings["REDIS_URL"]}
    script = """
import os, psycopg, redis, sqlalchemy
print(psycopg.connect(os.environ["DATABASE_URL"]).execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()[0])
with sqlalchemy.create_engine(os.environ["DATABASE_URL"]).connect() as connection:
    print(connection.scalar(sqlalchemy.text("select current_user")))
print(redis.Redis.from_url(os.environ["REDIS_URL"]).ping())
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], env=bare, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["True", "app", "True"], "")


def test_orders_and_trades_by_sqlalchemy_with_numbers_from_the_sequences(told: dict[str, object]) -> None:
    assert told["total"] == "55.00000000"
    assert told["close"] == "11.0000"
    assert told["numbers"] == 1
    assert told["copied"] == 1


def test_the_four_keyspaces_by_redis_py(told: dict[str, object]) -> None:
    assert (told["session"], told["requests"], told["preferences"]) == ("minji", "1", {"theme": "dark"})
    assert 80_000 < int(str(told["lives"])) <= 23 * 3600


def test_questions_by_client_graphql_and_rest(told: dict[str, object]) -> None:
    assert "자동 매매 시스템의 특징" in str(told["sections"])
    assert told["graphql"]
    assert told["foreign"] == 0
    assert told["own"]
    assert told["class"] == CHRISTMAS_DOCUMENT.index.ef_construction
