"""A release's notes and sums, its refusals, and the workflow that signs and publishes it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import PlatformError
from core.progress import SilentProgress
from security.release import notes_of, release, sums

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
CHANGELOG = "# Changelog\n\n## Unreleased\n\n- new\n\n## [1.10.0] - 2026-11-30\n\n### Added\n\n- this\n\n## 1.1.0\n\n- that\n"


@pytest.mark.parametrize(
    ("version", "notes"), [("", "- new\n"), ("1.10.0", "### Added\n\n- this\n"), ("1.1.0", "- that\n")], ids=["none", "newer", "older"]
)
def test_the_notes_are_the_changelogs_part(version: str, notes: str) -> None:
    assert notes_of(CHANGELOG, version) == notes


WORDLESS = {"nothing": "", "another": "## 1.10.0\n\n- that\n", "an empty part": "## 1.1.0\n\n## 1.0.0\n\n- that\n"}


@pytest.mark.parametrize("changelog", WORDLESS.values(), ids=WORDLESS)
def test_a_version_without_words_is_refused(changelog: str) -> None:
    with pytest.raises(PlatformError, match=r"says nothing of 1\.1\.0") as refused:
        notes_of(changelog, "1.1.0")
    assert "## 1.1.0" in refused.value.next_step


def test_sha256sum_reads_the_sums(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "SHA256SUMS").write_text(sums([tmp_path / "a", tmp_path / "b"]))
    check = ["sha256sum", "--check", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "a: OK\nb: OK\n"
    (tmp_path / "b").write_text("c")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_a_version_that_is_not_that_of_the_sources_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="says nothing of 99"):
        release("99.0.0", str(tmp_path / "out"), "", [], SilentProgress())
    assert not (tmp_path / "out").exists()


def test_what_lies_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(PlatformError, match="not empty"):
        release("", str(tmp_path), "", [], SilentProgress())
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def jobs() -> list[tuple[str, dict[str, Any]]]:
    """Every job of the workflows, with the permissions of its workflow where it names none of its own."""
    found = []
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text("utf-8"))
        found += [(f"{path.name} {name}", {"permissions": workflow["permissions"], **job}) for name, job in workflow["jobs"].items()]
    return found


def test_every_action_is_pinned_to_a_commit() -> None:
    used = [line for path in WORKFLOWS for line in path.read_text("utf-8").splitlines() if "uses:" in line]
    assert len(used) > 8
    assert [line for line in used if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_a_job_that_may_write_or_sign_runs_no_code_of_the_repository() -> None:
    may_write = {"contents", "id-token", "pull-requests"}
    writing = {name: job for name, job in jobs() if {what for what, right in job["permissions"].items() if right == "write"} & may_write}
    assert writing.keys() == {"ci.yaml comment", "release.yaml sign"}
    steps = [str(step) for job in writing.values() for step in job["steps"]]
    assert [step for step in steps if re.search(r"checkout|\bmake\b|invoke|python|bash \.ci", step)] == []


def test_what_is_signed_is_what_was_pushed_by_digest() -> None:
    (sign,) = [job for name, job in jobs() if name == "release.yaml sign"]
    text = "\n".join(step.get("run", "") for step in sign["steps"])
    assert text.index("sha256sum --check") < text.index("cosign sign --yes") < text.index("gh release create")
    assert ".[] | [.pushed, .sbom]" in text
