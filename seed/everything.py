"""Runs every loader in order, or some of them: candles before the orders at their prices, profiles before their cached copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.errors import PlatformError
from core.progress import Progress
from infra.connections import Platform
from seed.report import SeedReport


def _market(platform: Platform, progress: Progress) -> SeedReport:
    from migrations.upkeep.run import refresh_rollups
    from seed.market import load_samples

    report = load_samples(platform, progress)
    refresh_rollups(platform, progress)
    return report


def _indicators(platform: Platform, progress: Progress) -> SeedReport:
    from seed.indicators import load

    return load(platform, progress)


def _demo(platform: Platform, progress: Progress) -> SeedReport:
    from seed.demo import load

    return load(platform, progress)


def _cache(platform: Platform, progress: Progress) -> SeedReport:
    from seed.cache import load

    return load(platform, progress)


def _documents(platform: Platform, progress: Progress) -> SeedReport:
    from seed.documents import load

    return load(platform, None, progress)


LOADERS: dict[str, Callable[[Platform, Progress], SeedReport]] = {
    "market": _market,
    "indicators": _indicators,
    "demo": _demo,
    "cache": _cache,
    "documents": _documents,
}


def load(platform: Platform, names: Sequence[str] | None, progress: Progress) -> list[SeedReport]:
    """Run the named loaders, all of them by default, in this order. Each can be run again and changes only what differs.

    Raises PlatformError for an unknown name, and a loader's errors; the loaders before it are done then.
    """
    unknown = sorted(set(names or ()) - set(LOADERS))
    if unknown:
        raise PlatformError(what=f"there is no loader {unknown[0]!r}", next_step=f"use one of: {', '.join(LOADERS)}")
    reports = []
    for name, loader in LOADERS.items():
        if not names or name in names:
            progress.status(name)
            reports.append(loader(platform, progress))
    return reports
