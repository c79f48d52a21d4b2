"""Clients that open a new connection to each store every 50 ms, as long as a rotation goes on, and note each one that fails."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import psycopg
import redis

Settings = Mapping[str, str]
EVERY_SECONDS = 0.05


def postgres(settings: Settings) -> None:
    """Log in anew, as the account that the settings are of."""
    with psycopg.connect(settings["DATABASE_URL"], connect_timeout=30) as connection:
        row = connection.execute("select current_user").fetchone()
    assert row == (settings["CHRISTMAS_ACCOUNT"],), row


def redis_(settings: Settings) -> None:
    """Log in anew."""
    with redis.Redis.from_url(settings["REDIS_URL"], socket_connect_timeout=30) as client:
        assert client.ping()


def weaviate(settings: Settings) -> None:
    """Ask anew, with the key, who it is."""
    said = _answer(settings, f"{settings['WEAVIATE_URL']}/v1/users/own-info", settings["WEAVIATE_API_KEY"])
    assert [role["name"] for role in said["roles"]] == [settings["CHRISTMAS_ACCOUNT"]]


def embedder(settings: Settings) -> None:
    """Ask anew, with the key, which models there are."""
    assert _answer(settings, f"{settings['OPENAI_BASE_URL']}/models", settings["OPENAI_API_KEY"])["data"]


def _answer(settings: Settings, url: str, key: str) -> Any:
    target = urlsplit(url)
    trusted = ssl.create_default_context(cafile=settings["CHRISTMAS_CA_FILE"])
    connection = http.client.HTTPSConnection(target.hostname or "", target.port, timeout=30, context=trusted)
    try:
        connection.request("GET", target.path, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, answer.status
        return json.loads(content)
    finally:
        connection.close()


STORES: dict[str, Callable[[Settings], None]] = {"postgres": postgres, "redis": redis_, "weaviate": weaviate}


@dataclass
class SteadyClients:
    """One client for each of `logins`; `read` gives the settings that a client has at that moment. Use it with `with`."""

    read: Callable[[], Settings]
    logins: Mapping[str, Callable[[Settings], None]] = field(default_factory=lambda: STORES)
    done: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._run, args=pair, daemon=True) for pair in self.logins.items()]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, store: str, login: Callable[[Settings], None]) -> None:
        began = time.monotonic()
        while not self._stop.is_set():
            try:
                login(self.read())
                self.done[store] += 1
            except Exception as error:  # whatever it is, a user would have seen it
                self.failed.append(
                    f"{store} after {time.monotonic() - began:.1f} s: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
                )
            self._stop.wait(EVERY_SECONDS)
