"""Every alert, by Prometheus' own tool: fired by one set of series, and not by another."""

from __future__ import annotations

import io
import re
import tarfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import docker
import pytest
import yaml

from infra.components.monitoring_container import rule_files
from tests.support import scratch
from tests.support.alert_cases import CASES, Case, Series

pytestmark = pytest.mark.exhaustive


def promtool(image: str, files: Mapping[str, str], *command: str) -> tuple[int, str]:
    """Run promtool on these files, in a container without a network; its exit code and all that it said."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content.encode()), 0o644
            archive.addfile(member, io.BytesIO(content.encode()))
    container = docker.from_env().containers.create(
        image, list(command), entrypoint=["promtool"], working_dir="/tmp", network_mode="none", labels=scratch.labels()
    )
    try:
        assert container.put_archive("/tmp", packed.getvalue())
        container.start()
        code = int(container.wait()["StatusCode"])
        return code, container.logs().decode(errors="replace")
    finally:
        container.remove(force=True)


def of(case: Case, series: Series, *, fires: bool) -> dict[str, Any]:
    name = f'{{alertname="{case.alert}"}}'
    return {
        "name": f"{case.alert} {'fires' if fires else 'keeps quiet'}",
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count by (alertname) (ALERTS{{alertname="{case.alert}", alertstate="firing"}})',
                "eval_time": case.at,
                "exp_samples": [{"labels": name, "value": 1}] if fires else [],
            }
        ],
    }


def outcome(image: str, cases: tuple[Case, ...]) -> tuple[int, str]:
    rules = rule_files()
    tests = [of(case, case.fires, fires=True) for case in cases] + [of(case, case.quiet, fires=False) for case in cases]
    document = {"rule_files": sorted(rules), "evaluation_interval": "1m", "tests": tests}
    return promtool(image, {**rules, "tests.yml": yaml.safe_dump(document)}, "test", "rules", "tests.yml")


def test_prometheus_accepts_the_rules(image: str) -> None:
    rules = rule_files()
    code, said = promtool(image, rules, "check", "rules", *sorted(rules))
    assert code == 0, said


def test_each_alert_fires_when_it_must_and_only_then(image: str) -> None:
    code, said = outcome(image, CASES)
    assert code == 0, said


def test_a_wrong_case_is_found(image: str) -> None:
    swapped = tuple(replace(case, fires=case.quiet, quiet=case.fires) for case in CASES)
    code, said = outcome(image, swapped)
    assert code != 0
    told = Counter(re.findall(r'expr: .*alertname=\\"(\w+)\\", alertstate', said))
    assert told == dict.fromkeys((case.alert for case in CASES), 2), said
