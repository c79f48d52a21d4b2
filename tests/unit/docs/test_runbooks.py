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


def faults() -> list[tuple[str, str, str]]:
    """The table's rows: what it is seen by, and its test's file and name."""
    index = (FOLDER / "README.md").read_text("utf-8")
    table = index.partition("## Faults that were made on purpose")[2]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| fault", "| ---"))]
    taken_apart = [re.fullmatch(r"\| .+? \| (.+?) \| `(tests/[\w/]+\.py)::(\w+)` \|", row) for row in rows]
    return [(each[1], each[2], each[3]) if each else ("", row, "") for each, row in zip(taken_apart, rows, strict=True)]


def source(file: str, name: str) -> str:
    """The text of a test function; empty where there is none of that name."""
    text = (FOLDER.parents[1] / file).read_text("utf-8") if (FOLDER.parents[1] / file).is_file() else ""
    return next((part for part in re.split(r"^(?=def |class |@)", text, flags=re.MULTILINE) if part.startswith(f"def {name}(")), "")


def test_every_fault_of_the_table_has_a_test_that_exists() -> None:
    assert len(faults()) > 25
    assert [f"{file}::{name}" for _, file, name in faults() if not source(file, name)] == []


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_a_fault_in_the_table_whose_test_sees_it_fire(alert: str) -> None:
    tests = [source(file, name) for seen_by, file, name in faults() if alert in re.findall(r"\w+", seen_by)]
    assert tests, f"no row of {FOLDER.name}/README.md is seen by {alert}"
    assert any(f'"{alert}"' in text for text in tests)
