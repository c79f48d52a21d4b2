"""What Weaviate answers to accounts' keys while its own keys change."""

from __future__ import annotations

import ssl
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from infra.connections import Platform

EVERY = 0.05


def answer(platform: Platform, key: str) -> str:
    """What a request that any valid key may make is answered with: its status, or `nobody` where nobody answers."""
    trusted = ssl.create_default_context(cafile=str(platform.ca_file))
    request = urllib.request.Request(f"{platform.weaviate_url()}/v1/users/own-info", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=5, context=trusted) as got:
            return str(got.status)
    except urllib.error.HTTPError as error:
        with error:
            return str(error.code)
    except OSError:
        return "nobody"


@contextmanager
def answers(platform: Platform, keys: Mapping[str, str]) -> Iterator[dict[str, Counter[str]]]:
    """How often each account's key was answered how, asked on new connections all the time."""
    found: dict[str, Counter[str]] = {account: Counter() for account in keys}
    stop = threading.Event()

    def ask(account: str) -> None:
        while not stop.wait(EVERY):
            found[account][answer(platform, keys[account])] += 1

    threads = [threading.Thread(target=ask, args=(account,), daemon=True) for account in keys]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        stop.set()
        for thread in threads:
            thread.join()
