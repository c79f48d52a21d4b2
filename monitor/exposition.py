"""What no exporter knows, for Prometheus: the checks' outcomes, backup sets, drills, and what the schedule did.

The text format of Prometheus, by its own library. It holds names, numbers and times, never a check's message: that may name an account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.container_commands import execute
from infra.components.monitoring_container import TEXTFILE
from infra.connections import Platform
from monitor.growth.sizes import unit_of
from monitor.result import CheckResult
from monitor.signs import WorkSigns

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from backup.sets.model import Manifest
    from security.audit.uses import AccountUse

_SERVICE = "monitoring"
# Written beside and renamed, so that node exporter never reads half of it.
_WRITE = f'umask 077; cat >"{TEXTFILE}.new" && mv "{TEXTFILE}.new" "{TEXTFILE}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The figures to publish.

    `drills` is the history, oldest first, as `backup.drill.history` gives it; `sizes` are by name, as `monitor.growth.sizes` measures
    them; `uses` are the audit's of the last day.
    """

    at: datetime
    results: Sequence[CheckResult]
    sets: Sequence[Manifest] = ()
    drills: Sequence[Mapping[str, Any]] = ()
    works: Mapping[str, WorkSigns] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)
    uses: Sequence[AccountUse] = ()


def is_watched(platform: Platform) -> bool:
    """Whether the stack has Prometheus."""
    return _SERVICE in platform.containers


def publish(platform: Platform, known: Known) -> None:
    """Put the figures where the stack's node exporter reads them. Raises PlatformError where its container doesn't run."""
    execute(platform.containers[_SERVICE], ["sh", "-c", _WRITE], text=text(known).decode())


def text(known: Known) -> bytes:
    """The figures in the text format. Pure."""
    from prometheus_client import generate_latest

    return generate_latest(registry(known))


def registry(known: Known) -> CollectorRegistry:
    """The figures for any format of Prometheus' library. Pure."""
    from prometheus_client import CollectorRegistry

    figures = CollectorRegistry(auto_describe=False)
    figures.register(_Collector(known))
    return figures


@dataclass(frozen=True, slots=True, eq=False)
class _Collector:
    known: Known

    def collect(self) -> Iterator[Metric]:
        """Every figure, with its help."""
        yield from _checks(self.known)
        yield from _backups(self.known)
        yield from _works(self.known)
        yield from _sizes(self.known)
        yield from _uses(self.known)


def _checks(known: Known) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    ran = GaugeMetricFamily("christmas_checks_run_timestamp_seconds", "When the schedule last ran all checks.")
    ran.add_metric([], known.at.timestamp())
    yield ran
    status = GaugeMetricFamily("christmas_check_status", "A check's outcome: 0 ok, 1 warning, 2 critical, 3 unknown.", labels=["check"])
    value = GaugeMetricFamily("christmas_check_value", "The figure that a check judged, in its unit.", labels=["check", "unit"])
    for result in known.results:
        status.add_metric([result.name], result.status.exit_code)
        if result.value is not None:
            value.add_metric([result.name, result.unit], result.value)
    yield status
    yield value


def _backups(known: Known) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    from backup.sets.due import covering
    from backup.sets.model import STORES

    count = GaugeMetricFamily("christmas_backup_sets", "How many backup sets there are, by kind.", labels=["kind"])
    for kind in ("full", "incremental"):
        count.add_metric([kind], sum(manifest.kind == kind for manifest in known.sets))
    yield count
    if whole := covering(known.sets, STORES):
        newest = GaugeMetricFamily("christmas_backup_newest_timestamp_seconds", "When the newest set of all three stores was begun.")
        newest.add_metric([], whole[-1].started.timestamp())
        size = GaugeMetricFamily("christmas_backup_newest_bytes", "The size of that set.")
        size.add_metric([], whole[-1].total_bytes)
        yield newest
        yield size
    if known.drills:
        last = known.drills[-1]
        passed = GaugeMetricFamily("christmas_drill_passed", "Whether the last drill brought everything back: 1 or 0.")
        passed.add_metric([], float(bool(last["passed"])))
        when = GaugeMetricFamily("christmas_drill_timestamp_seconds", "When the last drill was begun.")
        when.add_metric([], datetime.fromisoformat(last["started"]).timestamp())
        rto = GaugeMetricFamily("christmas_drill_restore_seconds", "Until every store answered in the last drill (RTO).")
        rto.add_metric([], float(last["restore_seconds"]))
        rpo = GaugeMetricFamily("christmas_drill_loss_seconds", "What a failure at its start would have lost (RPO).", labels=["store"])
        for store, seconds in last["loss_seconds"].items():
            rpo.add_metric([store], float(seconds))
        yield from (passed, when, rto, rpo)


def _works(known: Known) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    done = GaugeMetricFamily("christmas_work_done_timestamp_seconds", "When the schedule's work was last in order.", labels=["work"])
    failures = GaugeMetricFamily("christmas_work_failures", "How often in a row it has failed.", labels=["work"])
    for work, signs in sorted(known.works.items()):
        if signs.done:
            done.add_metric([work], signs.done.timestamp())
        failures.add_metric([work], signs.failures)
    yield done
    yield failures


def _sizes(known: Known) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    size = GaugeMetricFamily("christmas_size", "The size of a table, keyspace, collection or all sets.", labels=["kind", "name", "unit"])
    for what, value in known.sizes.items():
        kind, _, name = what.partition(" ")
        size.add_metric([kind, name, unit_of(what)], value)
    if known.sizes:
        yield size


def _uses(known: Known) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    events = GaugeMetricFamily("christmas_audit_events", "What an account did in the last day, by the audit.", labels=["account"])
    refused = GaugeMetricFamily("christmas_audit_refused", "How much of it was refused.", labels=["account"])
    for use in known.uses:
        events.add_metric([use.account], use.events)
        refused.add_metric([use.account], use.refused)
    if known.uses:
        yield from (events, refused)
