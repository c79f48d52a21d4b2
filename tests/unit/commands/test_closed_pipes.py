"""A reader that goes away, as `head` does, ends a task quietly; what it cleans up is cleaned up all the same."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from commands.closed_pipes import CLOSED

ROOT = Path(__file__).parents[3]
INVOKE = str(Path(sys.executable).parent / "invoke")
TASKS = """
import os
import sys
from pathlib import Path
from invoke.collection import Collection
from commands import closed_pipes
from commands.task import task

closed_pipes.end_quietly()

@task(name="much")
def say_much(_context):
    try:
        for number in range(100_000):
            print("line", number)
    finally:
        print("cleaning up", flush=True)
        Path("cleaned").touch()

@task(name="little")
def say_little(_context):
    print("one line")

@task(name="broken")
def say_broken(_context):
    reader, writer = os.pipe()
    os.close(reader)
    os.write(writer, b"x")

namespace = Collection(Collection("say", say_much, say_little, say_broken))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks.py").write_text(TASKS)
    return tmp_path


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}


def with_reader_gone(command: list[str], folder: Path, **variables: str) -> tuple[int, str]:
    """Run a command into a pipe that nobody reads; return its exit code and its standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("task", "variables"),
    [
        ("say.much", {}),
        pytest.param("say.much", {"PYTHONUNBUFFERED": "1"}, marks=pytest.mark.exhaustive),
        ("say.little", {}),
        pytest.param("say.little", {"PYTHONUNBUFFERED": "1"}, marks=pytest.mark.exhaustive),
    ],
)
def test_a_task_ends_quietly(folder: Path, task: str, variables: dict[str, str]) -> None:
    assert with_reader_gone([INVOKE, task], folder, **variables) == (CLOSED, "")
    assert (folder / "cleaned").exists() == (task == "say.much")


def test_so_it_does_in_the_middle_and_where_its_errors_go_the_same_way(folder: Path) -> None:
    with subprocess.Popen(
        [INVOKE, "say.much"], cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout
        assert running.stdout.readline() == "line 0\n"
        running.stdout.close()
        assert running.wait() == CLOSED


def test_another_broken_pipe_is_an_error_as_before(folder: Path) -> None:
    done = subprocess.run([INVOKE, "say.broken"], cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "BrokenPipeError" in done.stderr


@pytest.mark.exhaustive
def test_a_closed_socket_is_a_closed_pipe(folder: Path) -> None:
    ours, its = socket.socketpair()
    with ours, its:
        running = subprocess.Popen(
            [INVOKE, "say.much"], cwd=folder, env=environment(), stdout=its.fileno(), stderr=subprocess.PIPE, text=True
        )
        its.close()
        ours.recv(10)
        ours.close()
        _, said = running.communicate()
    assert (running.returncode, said) == (CLOSED, "")


@pytest.mark.exhaustive
@pytest.mark.parametrize("redirection", [">&-", "2>&-", "> /dev/null"])
def test_without_an_output_or_into_a_file_nothing_is_wrong(folder: Path, redirection: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{INVOKE} say.little {redirection}"],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_projects_own_tasks_do_so() -> None:
    assert with_reader_gone([INVOKE, "--list"], ROOT) == (CLOSED, "")
    assert with_reader_gone([INVOKE, "accounts.matrix"], ROOT) == (CLOSED, "")
