"""Documents and messages name only commands, options and settings that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tasks
from tests.support.named_commands import ROOT, code_of, messages_of, wrong_in

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
SOURCES = sorted(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in {".venv", ".christmas", "tests"})
# Named: settings of a user's stacks lie beside these, and those of other tests' stacks come and go.
OTHERS = [
    *(ROOT / name for name in ("Makefile", "Pulumi.yaml", "Pulumi.prod.yaml", ".pre-commit-config.yaml")),
    *ROOT.glob(".github/workflows/*"),
]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_documents(path: Path) -> None:
    assert [wrong for code in code_of(path.read_text("utf-8")) for wrong in wrong_in(code)] == []


def test_messages() -> None:
    found = {
        f"{relative(path)}: {wrong}"
        for path in SOURCES
        for text in messages_of(path.read_text("utf-8"))
        for wrong in wrong_in(text, prose=True)
    }
    assert found == set()


def test_files_of_settings_and_tools() -> None:
    assert len(OTHERS) >= 5
    found = {f"{relative(path)}: {wrong}" for path in OTHERS for line in path.read_text("utf-8").splitlines() for wrong in wrong_in(line)}
    assert found == set()


def test_variables_that_are_named_are_read() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (*SOURCES, *ROOT.glob("tests/**/*.py"), ROOT / "Makefile", ROOT / ".ci" / "run"))
    named = {name for path in DOCUMENTS for name in re.findall(r"\bCHRISTMAS_[A-Z_]+\b", path.read_text("utf-8"))}
    assert len(named) > 5
    assert {name for name in named if name not in source} == set()


def names_of(name: str) -> tuple[str, ...]:
    return (name, *tasks.namespace.task_names[name])


def test_every_task_is_in_a_document() -> None:
    text = "\n".join(path.read_text("utf-8") for path in DOCUMENTS if path.name != "CHANGELOG.md")
    named = {tasks.namespace[name].body for name in tasks.namespace.task_names if any(each in text for each in names_of(name))}
    assert {name for name in tasks.namespace.task_names if tasks.namespace[name].body not in named} == set()


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("invoke chek", ["invoke chek"]),
        ("invoke seed.dcos PATH", ["invoke seed.dcos"]),
        ("invoke up --stak dev", ["invoke up --stak"]),
        ("invoke backup.restore --live --ask", ["invoke backup.restore --ask"]),
        ("invoke check --json, then --nothing", []),
        ("source it && make upp", ["make upp"]),
        ("pulumi config set --secret openaiApiKey …", ["setting openaiApiKey"]),
        ("pulumi config set --secret OPENAI_API_KEY …", []),
        ("pulumi config set --path backup.place.buckett x", ["setting backup.place.buckett"]),
        ("pulumi preview --refresh", []),
        ("pulumi previw", ["pulumi previw"]),
        ("pulumi up --yess", ["pulumi up --yess"]),
        ("set christmas:certificateDay", ["christmas:certificateDay"]),
        ("backup.kti", ["backup.kti"]),
        ("backup.newest", []),
        ("pulumi config set --path christmas:limits.redis.memoryMib 512", []),
        ("pulumi config rm christmas:rotations.redis", []),
    ],
)
def test_what_there_isnt_is_found(code: str, wrong: list[str]) -> None:
    assert list(wrong_in(code)) == wrong
