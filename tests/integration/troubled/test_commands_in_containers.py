"""A command in a container is waited for as long as it lives; where its connection is cut, nobody says that it failed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from backup.restoring import stopped
from core import command_output, container_sessions, docker_client
from core.container_commands import Finished, execute
from core.container_sessions import execute_short
from core.errors import PlatformError
from tests.support import scratch
from tests.support.engine_forwarder import Forwarder, forward
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def sleeping() -> Iterator[Container]:
    """A container that does nothing."""
    client = docker.from_env()
    container = client.containers.run(
        scratch.image("redis"), ["infinity"], entrypoint=["sleep"], detach=True, network_mode="none", labels=scratch.labels()
    )
    yield container
    container.remove(force=True)


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forwarder]:
    """An engine behind connections that can be cut, with a client that gives up on one that is silent for a second."""
    with forward(tmp_path / "engine.sock") as made:
        client = docker.DockerClient(made.url, timeout=1)
        container_sessions.close_all()  # those of other tests, which are on other connections
        monkeypatch.setattr(docker_client._of_thread, "client", client, raising=False)
        monkeypatch.setattr(command_output, "_QUIET_SECONDS", 0.2)
        monkeypatch.setattr(command_output, "_END_SECONDS", 1.0)
        yield made
        client.close()


@pytest.mark.exhaustive
def test_a_command_that_is_silent_for_longer_than_the_client_waits_is_waited_for(sleeping: Container, hasty: Forwarder) -> None:
    done = execute(str(sleeping.name), ["sh", "-c", "printf first; sleep 3; echo last; echo told >&2; exit 3"], check=False)
    assert (done.code, done.text(), done.stderr) == (3, "firstlast", "told")
    assert sum("/json" in call and "/exec/" in call for call in hasty.calls) > 3


def test_much_output_comes_whole_and_in_order(sleeping: Container, hasty: Forwarder) -> None:
    pieces: list[bytes] = []
    execute(str(sleeping.name), ["seq", "1", "400000"], sink=pieces.append)
    assert b"".join(pieces) == b"".join(b"%d\n" % number for number in range(1, 400_001))


def test_much_input_and_output_pass_one_another(sleeping: Container, hasty: Forwarder) -> None:
    text = "".join(f"{number}\n" for number in range(200_000))
    done = execute(str(sleeping.name), ["sh", "-c", "seq 0 199999; exec cat"], text=text)
    assert done.stdout.decode() == text * 2


@pytest.mark.parametrize("text", ["", "no end of the line", "\n\nends\n\n", "일 $(x) \\n %s \x1e\n"])
def test_input_arrives_as_it_is_and_ends(sleeping: Container, hasty: Forwarder, text: str) -> None:
    assert execute(str(sleeping.name), ["cat"], text=text).stdout == text.encode()
    assert execute_short(sleeping, ["cat"], text=text).stdout == text.encode()


def test_short_commands_share_a_shell_and_nothing_else(sleeping: Container, hasty: Forwarder) -> None:
    """Each has its own input, output, messages, code and folder."""
    assert execute_short(sleeping, ["sh", "-c", "cd /tmp; x=1; cat; echo told >&2; exit 3"], text="first") == Finished(3, b"first", "told")
    second = execute_short(sleeping, ["sh", "-c", 'pwd; echo "x is $x"; exec cat'], text="second #whole.")
    assert second == Finished(0, b"/data\nx is \nsecond #whole.", "")
    assert execute_short(sleeping, ["no-such-program"]).code == 127
    assert execute_short(sleeping, ["sh", "-c", "kill -KILL $$"]).code == 137
    assert execute_short(sleeping, ["true"], text="nobody reads this " * 10_000) == Finished(0, b"", "")
    assert execute_short(sleeping, ["printf", "%s|", "a b", "", "'\"\\$x\n"]).text() == "a b||'\"\\$x\n|"
    assert execute_short(sleeping, ["id", "-un"], user="nobody").text() == "nobody"
    shells = {execute_short(sleeping, ["sh", "-c", "echo $PPID"]).text() for _ in range(3)}
    assert len(shells) == 1


def test_a_shell_that_is_gone_is_replaced(sleeping: Container, hasty: Forwarder) -> None:
    for _ in range(5):  # its end may be told before the next request, or after it
        shell = execute_short(sleeping, ["sh", "-c", "echo $PPID"]).text()
        execute(str(sleeping.name), ["kill", "-KILL", shell])
        assert execute_short(sleeping, ["echo", "again"]).text() == "again"
    hasty.cut()
    assert execute_short(sleeping, ["echo", "and again"]).text() == "and again"
    sleeping.restart(timeout=0)
    assert execute_short(sleeping, ["echo", "after a restart"]).text() == "after a restart"


def test_a_short_command_whose_answer_was_cut_off_runs_again(sleeping: Container, hasty: Forwarder) -> None:
    def runs() -> int:
        return int(execute(str(sleeping.name), ["sh", "-c", "cat /tmp/runs 2>/dev/null | wc -l"]).text())

    def cut() -> None:
        wait_for(lambda: runs() == 1, "it has begun")
        hasty.cut()

    execute_short(sleeping, ["true"])
    cutting = threading.Thread(target=cut)
    cutting.start()
    answer = execute_short(sleeping, ["sh", "-c", "echo >> /tmp/runs; runs=$(wc -l < /tmp/runs); [ $runs -gt 1 ] || sleep 60; echo $runs"])
    cutting.join()
    assert answer.text() == "2"


def test_short_commands_of_many_threads_are_answered_each_its_own(sleeping: Container) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: execute_short(sleeping, ["cat"], text=f"{number}").text(), range(80)))
    assert answers == [str(number) for number in range(80)]


def test_a_short_command_that_says_nothing_is_given_up(sleeping: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_sessions, "_SILENT_SECONDS", 0.2)
    with pytest.raises(PlatformError, match="sleep said nothing for"):
        execute_short(sleeping, ["sleep", "4321"])
    wait_for(lambda: "sleep 4321" not in str(sleeping.top()), "the tether ended it")


def test_a_helper_that_a_killed_run_made_late_is_replaced(sleeping: Container) -> None:
    name = f"{sleeping.name}-restore"
    docker.from_env().containers.create(scratch.image("redis"), name=name, labels=scratch.labels())
    sleeping.reload()
    assert stopped.run(sleeping, "echo done", purpose="restore") == "done\n"
    assert docker.from_env().containers.list(all=True, ignore_removed=True, filters={"name": name}) == []


@pytest.mark.parametrize("patience", [0.0, 30.0], ids=["while it still runs", "after the tether ended it"])
def test_a_cut_connection_is_unknown_and_the_command_is_told_to_end(
    sleeping: Container, hasty: Forwarder, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    lines: list[bytes] = []
    monkeypatch.setattr(command_output, "_END_SECONDS", patience)

    def cut() -> None:
        wait_for(lambda: lines, "the command has begun")
        docker_client.docker_client().api.close()  # the next question to the engine gets a connection of its own, and an answer
        hasty.cut()

    cutting = threading.Thread(target=cut)
    cutting.start()
    with pytest.raises(PlatformError) as refused:
        execute(str(sleeping.name), ["sh", "-c", "echo begun; exec sleep 7654"], sink=lines.append)
    cutting.join()
    assert "the outcome of a command in a container is unknown" in refused.value.what
    assert f"docker top {sleeping.name}" in str(refused.value.next_step)

    def gone() -> bool:
        return "sleep 7654" not in str(sleeping.top())

    wait_for(gone, "the tether ended it")


def test_a_code_that_the_end_of_its_connection_gives_is_not_the_commands_own(sleeping: Container, hasty: Forwarder) -> None:
    """143 is what an ended tether leaves behind: the command may have done all of its work, or nothing."""
    with pytest.raises(PlatformError, match="the outcome of a command in a container is unknown"):
        execute(str(sleeping.name), ["sh", "-c", "kill -TERM $PPID; sleep 1"])


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["sh", "-c", "echo no; exit 126"], 126, "no"),
        (["no-such-program"], 127, "not found"),
        (["sh", "-c", "kill -KILL $$"], 137, ""),
        (["sh", "-c", "printf 'a\\nend-0123 0\\n' >&2; exit 4"], 4, "end-0123 0"),
    ],
    ids=["its-own-126", "no-such-program", "killed", "says-an-end-itself"],
)
def test_how_a_command_ends_is_its_own(sleeping: Container, hasty: Forwarder, command: list[str], code: int, words: str) -> None:
    done = execute(str(sleeping.name), command, check=False)
    assert done.code == code
    assert words in done.text() + done.stderr
    assert "\nend-" not in done.stderr.replace("\nend-0123", "")


def test_an_engine_that_goes_meanwhile_is_unknown_too(sleeping: Container, hasty: Forwarder, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise docker.errors.APIError("the engine is shutting down")

    # Asked each time that the command says nothing for a while.
    monkeypatch.setattr(docker_client.docker_client().api, "exec_inspect", gone)
    with pytest.raises(PlatformError, match=r"unknown: the engine does not answer: .*shutting down"):
        execute(str(sleeping.name), ["sleep", "30"])
