"""Monitoring's container, and Prometheus' settings and rules as text.

Bounds come from the blueprint: the files of rules name them, `@postgres.deadlocks_warn@`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from christmas.blueprint.backup_alarms import BACKUP_ALARMS
from christmas.blueprint.machine_alarms import HOST_ALARMS
from christmas.blueprint.model import Limits
from christmas.blueprint.schedule_rules import SCHEDULE_RULES
from christmas.blueprint.server_alarms import POSTGRES_ALARMS, REDIS_ALARMS
from christmas.blueprint.services import EMBEDDER, MONITORING, POSTGRES_MAX_CONNECTIONS, REDIS, WEAVIATE
from infra.components.description import Content, ServiceContainer
from infra.components.names import CONFIG_DIRECTORY

RULES = Path(__file__).resolve().parent.parent / "monitoring_rules"
DATA, DATA_PATH = "monitoring-data", "/var/lib/monitoring"
TEXTFILE = f"{DATA_PATH}/textfile/christmas.prom"
"""Where the schedule's own figures go: node exporter reads them there."""

USER = "monitoring"
"""Of the servers' own password, not an account of a store."""

SCRAPE_SECONDS = 15
NOBODY = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n"
"""Alertmanager's configuration without the setting: alerts are shown, and sent to nobody."""

_NAME = re.compile(r"@([a-z_]+)\.([a-z_]+)@")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The schedule's figures are as old as the last run of the checks: `silent` is an age that they don't have where all is well."""

    silent: timedelta = 2 * SCHEDULE_RULES.check_every + SCHEDULE_RULES.late_after
    connections: int = POSTGRES_MAX_CONNECTIONS


BOUNDS: Mapping[str, Any] = {
    "postgres": POSTGRES_ALARMS,
    "redis": REDIS_ALARMS,
    "host": HOST_ALARMS,
    "backup": BACKUP_ALARMS,
    "platform": Rhythm(),
}


def describe(
    limits: Limits,
    stack: str,
    *,
    alertmanager: Content | str,
    web_password: Content | str,
    postgres_login: tuple[Content, Content],
    redis_password: Content,
) -> ServiceContainer[Content]:
    """Prometheus, Alertmanager and the exporters, which log in with what is given here."""
    return ServiceContainer(
        service=MONITORING.name,
        limits=limits,
        volumes={DATA_PATH: DATA},
        files={
            "prometheus.yml": prometheus_yml(stack),
            "alertmanager.yml": alertmanager,
            **{f"rules/{file}": text for file, text in rule_files().items()},
            "web.password": web_password,
            "postgres.login": postgres_login[0],
            "postgres.password": postgres_login[1],
            "redis.password": redis_password,
        },
        health=["CMD", "healthy.sh"],
    )


def rule_files() -> dict[str, str]:
    """The files of rules by name, with the blueprint's bounds in place of their names; KeyError or AttributeError for an unknown one."""
    return {path.name: filled(path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.yml"))}


def filled(text: str) -> str:
    """A text with each `@room.name@` replaced by the bound: a number, durations in seconds."""

    def number(match: re.Match[str]) -> str:
        value = getattr(BOUNDS[match[1]], match[2])
        return f"{value.total_seconds() if isinstance(value, timedelta) else value:.10g}"

    return _NAME.sub(number, text)


def prometheus_yml(stack: str) -> str:
    """`prometheus.yml`: every address is asked over TLS, with the password, and its certificate is verified."""
    login = {
        "scheme": "https",
        "basic_auth": {"username": USER, "password_file": f"{CONFIG_DIRECTORY}/web.password"},
        "tls_config": {"ca_file": f"{CONFIG_DIRECTORY}/ca.crt", "server_name": "localhost"},
    }
    ports = {"prometheus": 9090, "alertmanager": 9093, "postgres": 9187, "redis": 9121, "node": 9100}
    jobs: list[dict[str, Any]] = [
        {"job_name": job, **login, "static_configs": [{"targets": [f"localhost:{port}"]}], **_only_own_health(job)}
        for job, port in ports.items()
    ]
    probes = {
        "https": [
            f"https://{WEAVIATE.name}:{WEAVIATE.ports['https']}/v1/.well-known/ready",
            f"https://{EMBEDDER.name}:{EMBEDDER.ports['https']}/healthz",
        ],
        "tls": [f"{REDIS.name}:{REDIS.ports['redis']}"],
    }
    for module, targets in probes.items():
        jobs.append(
            {
                "job_name": f"probe-{module}",
                **login,
                "metrics_path": "/probe",
                "params": {"module": [module]},
                "static_configs": [{"targets": targets}],
                "relabel_configs": [
                    {"source_labels": ["__address__"], "target_label": "__param_target"},
                    {"source_labels": ["__address__"], "regex": r"(?:https://)?([^:/]+).*", "target_label": "service"},
                    {"source_labels": ["__param_target"], "target_label": "instance"},
                    {"target_label": "__address__", "replacement": "localhost:9115"},
                ],
            }
        )
    return yaml.safe_dump(
        {
            "global": {
                "scrape_interval": f"{SCRAPE_SECONDS}s",
                "scrape_timeout": "10s",
                "evaluation_interval": f"{SCRAPE_SECONDS}s",
                "external_labels": {"platform": "christmas", "stack": stack},
            },
            "rule_files": [f"{CONFIG_DIRECTORY}/rules/*.yml"],
            "alerting": {"alertmanagers": [{**login, "static_configs": [{"targets": ["localhost:9093"]}]}]},
            "scrape_configs": jobs,
        },
        sort_keys=False,
    )


def _only_own_health(job: str) -> dict[str, Any]:
    """Of the two servers' own figures, only those that tell whether they work."""
    if job not in {"prometheus", "alertmanager"}:
        return {}
    names = r"prometheus_(?:config_last_reload_successful|notifications_(?:dropped|sent|errors)_total|rule_evaluation_failures_total)"
    names += (
        r"|prometheus_tsdb_(?:head_series|storage_blocks_bytes)|alertmanager_notifications(?:_failed)?_total|process_resident_memory_bytes"
    )
    return {"metric_relabel_configs": [{"source_labels": ["__name__"], "regex": names, "action": "keep"}]}
