"""The page of a stack and the figures for Prometheus: `python -m bench.pages --stack NAME`. Asks a stack that runs, and changes nothing.

The page is made by `invoke check.report`, and opened by a headless Chromium with nothing in its cache. `invoke check.serve` is asked for
its figures, and a stack's own Prometheus, where monitoring is on, for how long each of its scrapes took.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import re
import signal
import ssl
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.idle import ROOT
from bench.measured import Figure, add_options, show
from core import temporary
from infra import connections
from infra.components.monitoring_container import USER
from infra.components.names import LIVE_PAGE
from tests.support.browser import browser

_ROUNDS = 7
_SCRAPES = "max by (job) (quantile_over_time(0.5, scrape_duration_seconds[10m]))"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", required=True, help="the stack to ask")
    add_options(parser)
    options = parser.parse_args()
    platform = connections.load(options.stack)
    with temporary.folder("bench") as folder:
        page = folder / "report.html"
        # Its exit code is the state of the stack.
        subprocess.run([*_invoke("check.report", options.stack), "--out", page], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        figures = [
            Figure("the page of check.report", page.stat().st_size / 1e6, "MB", 1),
            Figure("the page of check.report, opened", _opened(page, folder), "s", 1),
        ]
    with _served(options.stack) as address:
        password = platform.page.password if platform.page else ""
        took = statistics.median(_seconds(platform, f"{address}metrics", LIVE_PAGE, password) for _ in range(_ROUNDS))
        figures.append(Figure("figures of check.serve", took * 1000, "ms", 500))
    figures += [Figure(f"scrape of {job}", seconds * 1000, "ms", 500) for job, seconds in _scrapes(platform).items()]
    return show("Pages and scrapes", figures, options)


def _invoke(task: str, stack: str) -> list[str]:
    return [str(ROOT / ".venv/bin/invoke"), task, "--stack", stack]


def _opened(page: Path, folder: Path) -> float:
    """Median seconds from asking for the page to its load event, each time by a browser of its own."""
    seconds = []
    for number in range(_ROUNDS):
        with browser(folder / f"profile-{number}") as chromium:
            began = time.perf_counter()
            chromium.open(page.as_uri())
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


@contextlib.contextmanager
def _served(stack: str) -> Iterator[str]:
    """The address of the live page."""
    with subprocess.Popen([*_invoke("check.serve", stack), "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            printed = process.stdout.readline() if process.stdout else ""
            (address,) = re.findall(r"https://127\.0\.0\.1:\d+/ ", printed)
            yield address.strip()
        finally:
            process.send_signal(signal.SIGINT)


def _seconds(platform: connections.Platform, address: str, user: str, password: str) -> float:
    began = time.perf_counter()
    _fetched(platform, address, user, password)
    return time.perf_counter() - began


def _fetched(platform: connections.Platform, address: str, user: str, password: str) -> bytes:
    request = urllib.request.Request(address)  # noqa: S310 - https, of the stack
    request.add_header("Authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")
    trusted = ssl.create_default_context(cafile=str(platform.ca_file))
    with urllib.request.urlopen(request, context=trusted, timeout=300) as answer:  # noqa: S310
        content: bytes = answer.read()
        return content


def _scrapes(platform: connections.Platform) -> dict[str, float]:
    """Seconds of the middle scrape of ten minutes, by what is scraped; none without monitoring."""
    if "prometheus" not in platform.endpoints:
        return {}
    host, port = platform.endpoints["prometheus"].address()
    address = f"https://{host}:{port}/api/v1/query?query={urllib.parse.quote(_SCRAPES)}"
    answer: Any = json.loads(_fetched(platform, address, USER, platform.monitoring_password))
    return {scrape["metric"]["job"]: float(scrape["value"][1]) for scrape in answer["data"]["result"]}


if __name__ == "__main__":
    sys.exit(main())
