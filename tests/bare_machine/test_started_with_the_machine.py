"""The schedule starts with its machine: under a systemd that really is the first process, through cuts of power and restarts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bare_machine.booted import Booted, booted
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(1800)]

CLONE = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.prefix) / "bin" / "python"
STACK = "test-booted"
START = (
    "from schedule import boot, keeper\n"
    f"arranged = boot.arrange({STACK!r})\n"
    f"print(keeper.start({STACK!r}, boot.begin_by(arranged)), arranged.message)"
)
STOP = f"from schedule import boot, keeper; print(boot.remove({STACK!r}), keeper.stop({STACK!r}, now=True))"
PROCESS = f"from core import lock; from monitor import signs; print(lock.process_of(signs.folder_of({STACK!r}) / 'keeper') or 0)"


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with booted(tmp_path_factory.mktemp("booted"), CLONE) as made:
        yield made


def python(machine: Booted, program: str, user: str = "") -> str:
    """Run a program of the clone's environment in there."""
    done = machine.run(f"cd {CLONE} && {PYTHON} - <<'END'\n{program}\nEND", user=user)
    return done.stdout.strip()


def keeping(machine: Booted, user: str = "") -> int:
    """The keeper's process in there; 0 where none is at work."""
    return int(python(machine, PROCESS, user))


def test_systemd_starts_it_after_a_cut_of_power_and_after_a_kill_and_not_once_it_is_stopped(machine: Booted) -> None:
    told = python(machine, START)
    assert "runs (process" in told
    assert "after a reboot systemd starts it: /etc/systemd/system/christmas-schedule-test-booted-" in told
    unit = machine.run("ls /etc/systemd/system | grep christmas-schedule").stdout.strip()
    assert machine.run(f"systemctl is-active {unit}").stdout.strip() == "active"
    assert "as there before" in python(machine, START)

    machine.lose_power()
    machine.boot()
    first = wait_for(lambda: keeping(machine), "systemd has started it")
    machine.run(f"kill -KILL {first}")
    wait_for(lambda: keeping(machine) not in {0, first}, "systemd has started it again")

    assert f"/etc/systemd/system/{unit} is removed" in python(machine, STOP)
    assert not keeping(machine)
    assert machine.run("find /etc/systemd -name '*christmas-schedule*'").stdout == ""
    machine.lose_power()
    machine.boot()
    assert not keeping(machine)


def test_one_that_was_started_by_hand_is_left_alone(machine: Booted) -> None:
    python(machine, f"from schedule import keeper; print(keeper.start({STACK!r}))")
    by_hand = keeping(machine)
    python(machine, f"from schedule import boot; boot.arrange({STACK!r}).begin()")
    state = "systemctl show -p Result -p ExecMainStatus $(ls /etc/systemd/system | grep christmas-schedule)"
    wait_for(lambda: "ExecMainStatus=75" in machine.run(state).stdout, "systemd's own one has ended")
    assert keeping(machine) == by_hand


def test_an_ordinary_users_starts_without_anybody_logged_in(machine: Booted) -> None:
    machine.run("useradd --create-home --uid 4711 newcomer && chmod o+x /root")
    machine.run(f"mkdir -p {CLONE}/.christmas && chown -R newcomer {CLONE}/.christmas")
    refused = python(machine, START, "newcomer")
    assert "runs (process" in refused
    if "nothing starts the schedule" in refused:
        # Without polkit an ordinary user may not have their systemd stay; what it says is what helps.
        assert "sudo loginctl enable-linger newcomer allows it" in refused
        machine.run("loginctl enable-linger newcomer")
        python(machine, STOP, "newcomer")
        refused = python(machine, START, "newcomer")
    assert "systemd starts it: /home/newcomer/.config/systemd/user/christmas-schedule-" in refused
    machine.lose_power()
    machine.boot()
    process = wait_for(lambda: keeping(machine, "newcomer"), "the user's systemd has started it")
    assert machine.run(f"stat -c %U /proc/{process}").stdout.strip() == "newcomer"
    assert "is removed" in python(machine, STOP, "newcomer")
