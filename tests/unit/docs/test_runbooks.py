"""Each alert has a page, and each page says what to do. That its commands exist is tested with those of every document."""

from __future__ import annotations

import re

import pytest
import yaml

from infra.components.monitoring_container import rule_files
from monitor.checks import choose
from tests.support.runbooks import FOLDER, PARTS, commands, page, parts

ALERTS = {
    rule["alert"]: rule
    for text in rule_files().values()
    for group in yaml.safe_load(text)["groups"]
    for rule in group["rules"]
    if "alert" in rule
}


def test_there_is_a_page_for_each_alert_and_for_nothing_else() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} - {"README"} == set(ALERTS)
    index = (FOLDER / "README.md").read_text("utf-8")
    assert set(re.findall(r"\]\((\w+)\.md\)", index)) == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_a_page_says_what_it_means_how_to_confirm_it_what_to_do_and_when_it_is_over(alert: str) -> None:
    assert page(alert).startswith(f"# {alert}\n\n**{ALERTS[alert]['labels']['severity']}**\n")
    found = parts(page(alert))
    assert tuple(found) == PARTS
    assert all(len(body.strip()) > 20 for body in found.values())
    assert any(line.startswith(("invoke ", "docker ")) for line in commands(alert, "Confirm"))


def test_every_check_that_a_page_or_an_alert_names_is_there() -> None:
    texts = [page(alert) for alert in ALERTS] + [str(rule["annotations"]["next"]) for rule in ALERTS.values()]
    named = {name for text in texts for names in re.findall(r"--only ([\w.,]+)", text) for name in names.split(",")}
    assert len(named) > 20
    for name in named:
        assert choose([name])


def test_links_between_pages_lead_somewhere() -> None:
    links = [(path, target) for path in FOLDER.glob("*.md") for target in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8"))]
    assert len(links) > len(ALERTS)
    assert [f"{path.name}: {target}" for path, target in links if not (path.parent / target).exists()] == []


def test_every_fault_of_the_table_has_a_test_that_exists() -> None:
    index = (FOLDER / "README.md").read_text("utf-8")
    table, _, rest = index.partition("## Faults that were made on purpose")[2].partition("Not made yet:")
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| fault", "| ---"))]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)` \|$", table, re.MULTILINE)
    assert len(named) == len(rows) > 15
    assert [f"{file}::{name}" for file, name in named if f"def {name}(" not in (FOLDER.parents[1] / file).read_text("utf-8")] == []
    # Whoever adds an alert says which it is.
    tested = "".join(
        (FOLDER.parents[1] / "tests" / "end_to_end" / f"test_{name}.py").read_text("utf-8") for name in ("monitoring", "runbooks")
    )
    assert {alert for alert in ALERTS if f'"{alert}"' not in tested} == set(re.findall(r"\b[A-Z]\w+[a-z][A-Z]\w+\b", rest))
