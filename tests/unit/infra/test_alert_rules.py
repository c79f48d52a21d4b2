"""Rules of alerts as files: bounds are the blueprint's, each alert says what to do, and each is tested."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from infra.components import monitoring_container
from infra.components.monitoring_container import RULES, filled, prometheus_yml, rule_files
from tests.support.alert_cases import CASES


def rules() -> list[dict[str, Any]]:
    return [rule for text in rule_files().values() for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def test_each_alert_says_how_bad_it_is_and_what_to_do() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) > 15
    names = [rule["alert"] for rule in alerts]
    assert len(names) == len(set(names))
    for rule in alerts:
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert {"summary", "next", "runbook"} <= set(rule["annotations"]), rule["alert"]
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{rule['alert']}.md"


def test_each_alert_has_a_case_that_fires_it_and_one_that_does_not() -> None:
    assert sorted(case.alert for case in CASES) == sorted(rule["alert"] for rule in rules() if "alert" in rule)
    assert all(case.fires and case.quiet and case.fires != case.quiet for case in CASES)


def test_bounds_are_the_blueprints(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(path.read_text("utf-8") for path in RULES.glob("*.yml"))
    assert len(re.findall(r"@[a-z_]+\.[a-z_]+@", text)) >= 8
    assert "@" not in re.sub(r"#.*", "", "".join(rule_files().values()))
    assert filled("@postgres.deadlocks_warn@ @backup.newest_warn_after@ @host.disk_critical@") == "5 10800 0.03"
    with pytest.raises(KeyError):
        filled("@nowhere.deadlocks_warn@")
    with pytest.raises(AttributeError):
        filled("@postgres.nothing@")


def test_everything_is_asked_over_tls_with_a_password_and_a_verified_certificate() -> None:
    document = yaml.safe_load(prometheus_yml("dev"))
    asked = [*document["scrape_configs"], *document["alerting"]["alertmanagers"]]
    assert len(asked) >= 8
    for each in asked:
        assert each["scheme"] == "https"
        assert each["basic_auth"]["password_file"].startswith("/run/christmas/")
        assert each["tls_config"]["ca_file"]
        assert "insecure_skip_verify" not in each["tls_config"]
        assert all(target.startswith(("localhost:", "https://")) or ":" in target for target in each["static_configs"][0]["targets"])


def test_no_alert_is_sent_to_anybody_without_a_setting() -> None:
    document = yaml.safe_load(monitoring_container.NOBODY)
    assert document["receivers"] == [{"name": document["route"]["receiver"]}]
