"""Two branches that took the same number are refused, with both files named, and mended by one command."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PlatformError
from migrations import chain, run


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that revisions may be added to."""
    here = Path(run.__file__).parent
    shutil.copytree(here, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(run, "_HERE", tmp_path / "migrations")
    monkeypatch.setattr(run, "FOLDER", tmp_path / "migrations" / "sql")
    return tmp_path / "migrations"


def _branches(checkout: Path, *messages: str) -> list[Path]:
    """What git leaves after merging branches that each made one revision: all of their files."""
    made, held = [], checkout.parent / "held"
    held.mkdir()
    for message in messages:
        files = run.new(message)
        made.append(files[0])
        for file in files:
            shutil.move(file, held / file.name)
    for file in held.iterdir():
        shutil.move(file, (checkout / "versions" if file.suffix == ".py" else checkout / "sql") / file.name)
    return made


def _faults(checkout: Path) -> list[str]:
    return [str(fault) for fault in chain.faults(checkout / "versions", checkout / "sql")]


def test_the_projects_revisions_are_one_chain() -> None:
    assert chain.faults() == []
    assert len(chain.revisions()) >= 8


def test_two_branches_with_one_number_are_refused_and_both_named(checkout: Path) -> None:
    one, two = _branches(checkout, "add a nickname", "add a birthday")
    told = _faults(checkout)
    assert len(told) == 2
    assert all(one.name in each and two.name in each and "invoke migrate.renumber" in each for each in told)
    for call in (run.head_revision, lambda: run.new("a third")):
        with pytest.raises(PlatformError) as refused:
            call()
        assert one.name in str(refused.value)
        assert two.name in str(refused.value)
        assert "invoke migrate.renumber" in refused.value.next_step


def test_renumbering_mends_it(checkout: Path) -> None:
    one, two = _branches(checkout, "add a nickname", "add a birthday")
    head = int(one.name[1:5])
    files = chain.renumber([f"migrations/versions/{two.name}"], checkout / "versions", checkout / "sql")
    assert [file.name for file in files] == [
        f"r{head + 1:04d}_add_a_birthday.py",
        f"{head + 1:04d}_add_a_birthday.down.sql",
        f"{head + 1:04d}_add_a_birthday.up.sql",
    ]
    assert _faults(checkout) == []
    assert run.head_revision() == f"{head + 1:04d}"
    text = files[0].read_text()
    assert f'down_revision: str | None = "{head:04d}"' in text
    assert f'run("{head + 1:04d}_add_a_birthday.up")' in text
    assert not two.exists()


def test_renumbering_what_is_sound_is_refused(checkout: Path) -> None:
    for name, why in (("r0003_technical_indicators.py", "shares its number and parent with no other"), ("r0042_x.py", "is not a revision")):
        with pytest.raises(PlatformError, match=why):
            chain.renumber([name], checkout / "versions", checkout / "sql")


def test_two_revisions_after_the_same_one_are_refused(checkout: Path) -> None:
    (made, *_rest) = run.new("add a nickname")
    number = made.name[1:5]
    other = made.with_name(f"r{int(number) + 1:04d}_add_a_birthday.py")
    other.write_text(made.read_text().replace(f"revision = '{number}'", f"revision = '{int(number) + 1:04d}'", 1))
    told = _faults(checkout)[0]
    assert f"{made.name} and {other.name} both come after" in told
    chain.renumber([other.name], checkout / "versions", checkout / "sql")
    assert _faults(checkout) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<<<<<<< HEAD\nrevision = '0009'\n", "can't be read"),
        ("x = 1\n", "has no revision"),
        ("revision = '0009'\ndown_revision = ('0007', '0008')\n", "has no revision and down_revision of its own"),
    ],
)
def test_a_file_that_is_no_revision_is_refused(checkout: Path, text: str, why: str) -> None:
    (checkout / "versions" / "r0009_x.py").write_text(text)
    with pytest.raises(PlatformError, match=why):
        run.head_revision()


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("r9999_x.py", "revision = '9998'\ndown_revision = '0008'\n", "must begin with r9998_"),
        ("r9999_x.py", "revision = '9999'\ndown_revision = '9998'\n", "which no file has"),
    ],
)
def test_a_gap_and_a_misnamed_file_are_found(checkout: Path, name: str, text: str, why: str) -> None:
    (checkout / "versions" / name).write_text(text)
    assert any(why in fault for fault in _faults(checkout))


def test_sql_of_another_name_is_found(checkout: Path) -> None:
    (checkout / "sql" / "0008_other.up.sql").write_text("select 1 as a;\n")
    assert any("0008_other" in fault for fault in _faults(checkout))


@given(st.lists(st.integers(1, 3), min_size=2, max_size=3))
@settings(deadline=None, max_examples=10)
def test_branches_of_any_length_become_one_chain(tmp_path_factory: pytest.TempPathFactory, lengths: list[int]) -> None:
    """Each branch keeps its own order, whatever number of revisions it made; the longest stays where it is."""
    lengths = sorted(lengths, reverse=True)
    folder = tmp_path_factory.mktemp("merged")
    versions, sql = folder / "versions", folder / "sql"
    versions.mkdir()
    sql.mkdir()
    (versions / "r0001_base.py").write_text('revision = "0001"\ndown_revision: str | None = None\n')
    for branch, length in enumerate(lengths):
        for step in range(2, length + 2):
            name = f"{step:04d}_b{branch}s{step}"
            (versions / f"r{name}.py").write_text(
                f'revision = "{step:04d}"\ndown_revision: str | None = "{step - 1:04d}"\nrun("{name}.up")\n'
            )
            (sql / f"{name}.up.sql").write_text("select 1 as a;\n")
    for branch, length in enumerate(lengths[1:], 1):
        files = [f"r{step:04d}_b{branch}s{step}.py" for step in range(2, length + 2)]
        if max(lengths) > 1:
            with pytest.raises(PlatformError, match="comes after number 0002"):
                chain.renumber(files[:1], versions, sql)
        chain.renumber(files, versions, sql, alone=True)
    assert chain.faults(versions, sql) == []
    names = [revision.path.name for revision in chain.revisions(versions)]
    assert len(names) == 1 + sum(lengths)
    assert len([*sql.iterdir()]) == sum(lengths)
    for branch in range(len(lengths)):
        steps = [name for name in names if f"_b{branch}s" in name]
        assert steps == sorted(steps, key=lambda name: int(name.rpartition("s")[2].removesuffix(".py")))
    for before, after in itertools.pairwise(chain.revisions(versions)):
        assert after.after == before.revision
