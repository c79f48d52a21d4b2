"""Folders of runs that were killed go with the next run; those of runs that live, and what isn't ours, stay."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import temporary

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from core import temporary
with temporary.folder("tests", Path(sys.argv[1])) as made:
    (made / "deep").mkdir()
    (made / "deep" / "secret").write_text("a key")
    (made / "deep").chmod(0o500)
    print(made, flush=True)
    sys.stdin.read()
"""


def begin(place: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(place)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    for name in ("christmas-go.abcdef", "christmas-old", "somebody.run"):
        (tmp_path / name).mkdir()
    (tmp_path / "christmas-file.run").touch()
    (tmp_path / "christmas-link.run").symlink_to(tmp_path / "christmas-old")
    killed, left = begin(tmp_path)
    living, kept = begin(tmp_path)
    with killed, living:
        killed.kill()
        killed.wait()
        assert left.is_dir()
        with temporary.folder("tests", tmp_path) as own:
            assert own.stat().st_mode & 0o077 == 0
            assert not left.exists()
            assert (kept / "deep" / "secret").read_text() == "a key"
        living.kill()
    assert {path.name for path in tmp_path.iterdir()} == {
        *("christmas-go.abcdef", "christmas-old", "somebody.run", "christmas-file.run", "christmas-link.run"),
        kept.name,
    }
    assert temporary.remove_leftovers(tmp_path) == [kept]


def test_it_goes_when_the_run_ends_and_when_it_fails(tmp_path: Path) -> None:
    with temporary.folder("tests", tmp_path) as made:
        (made / "file").touch()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError), temporary.folder("tests", tmp_path) as made:
        (made / "missing").read_text()
    assert list(tmp_path.iterdir()) == []


def test_one_that_was_taken_for_a_leftover_while_it_was_made_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making and locking it another run may look for leftovers."""
    real, looked = os.open, list[str | Path]()

    def open_late(path: str | Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if Path(path).suffix == ".run" and not looked:
            looked.append(path)
            assert len(temporary.remove_leftovers(tmp_path)) == 1
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", open_late)
    with temporary.folder("tests", tmp_path) as made:
        assert made.is_dir()
        assert str(made) not in map(str, looked)
