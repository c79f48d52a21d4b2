"""The table of figures is what was recorded, and says what was missed."""

from __future__ import annotations

from pathlib import Path

from bench.measured import Figure, machine, record
from bench.report import README, recorded, with_table

EMPTY = "before\n<!-- figures: python -m bench.report -->\nold\n<!-- end of figures -->\nafter\n"


def test_the_readmes_table_is_the_recorded_one() -> None:
    assert README.read_text() == with_table(README.read_text(), recorded())


def test_a_run_is_kept_with_its_circumstances_and_a_missed_figure_is_called_so(tmp_path: Path) -> None:
    for seconds in (4.0, 2.0, 3.0):
        record("probe", "A probe", [Figure("time", seconds, "s", 2.5), Figure("rows", 120, "/s", 100, more_is_better=True)], tmp_path)
    (benchmark,) = recorded(tmp_path)
    assert [run["figures"][0]["value"] for run in benchmark["runs"]] == [4.0, 2.0, 3.0]
    assert all(run["machine"] == machine() and run["commit"] and len(run["load"]) == 2 for run in benchmark["runs"])
    table = with_table(EMPTY, [benchmark])
    assert table.startswith("before\n")
    assert table.endswith("after\n")
    assert "old" not in table
    assert "| time | 3.00 s | 2.00 to 4.00 in 3 █▁▄ | ≤ 2.5 s | **missed** |" in table
    assert "| rows | 120 /s | 120 to 120 in 3 ▁▁▁ | ≥ 100 /s |  |" in table


def test_a_change_is_told_against_the_commit_before() -> None:
    def run(commit: str, value: float) -> dict[str, object]:
        figure = {"name": "time", "value": value, "unit": "s", "bound": 9, "more_is_better": False}
        return {"at": "2026-01-01T00:00:00", "commit": commit, "machine": {"cpu": "one"}, "load": [0, 0], "figures": [figure]}

    def table(*runs: dict[str, object]) -> str:
        return with_table(EMPTY, [{"title": "A probe", "runs": list(runs)}])

    assert "| 2.00 times aaa's |" in table(run("aaa", 2), run("bbb", 3), run("bbb", 5))
    assert "| as before |" in table(run("aaa", 2), run("bbb", 2.1))
    assert "times" not in table(run("aaa", 2), run("aaa", 4))
