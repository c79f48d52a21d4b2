"""What users bring along: homes that can't be written or lie elsewhere, strict masks, no locale, proxies, an index of their own."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.bare_machine.conftest import NewMachine
from tests.bare_machine.machine import HOME, USER, network_variables
from tests.bare_machine.test_set_up_on_bare_machines import CLI, COPY
from tests.support.package_index import tunnelling_proxy

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(1200)]

MAKE = "make machine"
HOME_ELSEWHERE = f"mount -t tmpfs -o mode=0700,uid={USER},gid={USER},size=2g tmpfs merged{HOME}"


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def _made(said: str) -> bool:
    return re.search(r"^Python environment … done in ", said, re.MULTILINE) is not None and "Traceback" not in said


def test_a_home_that_cannot_be_written(machine: NewMachine) -> None:
    one = machine("bookworm")
    one.run(f"mkdir -p /srv/elsewhere && cp -r /srv/clone /srv/elsewhere/christmas && chown -R {USER}:{USER} /srv/elsewhere", check=True)
    read_only = f"{HOME_ELSEWHERE} && mount -o remount,ro merged{HOME}"
    done = one.run(f"cd /srv/elsewhere/christmas && {MAKE}; .venv/bin/pulumi stack ls", user=USER, variables=CLI, before=read_only)
    assert _made(_said(done)), _said(done)
    assert done.returncode == 0, _said(done)
    # What would lie in ~/.cache lies in the clone.
    assert list(one.path("/srv/elsewhere/christmas/.christmas/cache/toolchain").glob("uv-*"))


def test_a_home_on_another_file_system(machine: NewMachine) -> None:
    # The clone lies outside, so that nothing can be linked from the cache into the environment.
    one = machine("bookworm")
    one.run(f"mkdir -p /srv/elsewhere && cp -r /srv/clone /srv/elsewhere/christmas && chown -R {USER}:{USER} /srv/elsewhere", check=True)
    done = one.run(f"cd /srv/elsewhere/christmas && {MAKE}; .venv/bin/pulumi stack ls", user=USER, variables=CLI, before=HOME_ELSEWHERE)
    assert _made(_said(done)), _said(done)
    assert done.returncode == 0, _said(done)
    assert "warning" not in _said(done).lower(), _said(done)


@pytest.mark.parametrize(
    ("before", "variables"),
    [
        ("umask 077", {}),
        ("true", {"LANG": "C"}),
        ("unset LANG HOME USER", {}),
        ("true", {"PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}),
    ],
    ids=["umask 077", "LANG=C", "almost no variables", "strict Python"],
)
def test_a_user_with_habits(machine: NewMachine, before: str, variables: dict[str, str]) -> None:
    one = machine("bookworm")
    done = one.run(f"{COPY} && {before} && {MAKE}; .venv/bin/pulumi stack ls", user=USER, variables={**CLI, **variables})
    assert _made(_said(done)), _said(done)
    assert done.returncode == 0, _said(done)
    if before.startswith("umask"):
        assert one.path(f"{HOME}/christmas/.christmas/passphrase").stat().st_mode & 0o077 == 0


def test_a_clone_in_an_odd_folder(machine: NewMachine) -> None:
    one = machine("bookworm")
    folder = "C# work/100% 크리스마스"
    done = one.run(
        f"mkdir -p '{folder}' && cp -r /srv/clone '{folder}/christmas' && cd '{folder}/christmas' && {MAKE};"
        " .venv/bin/pulumi stack init probe && .venv/bin/pulumi stack ls && .venv/bin/pulumi stack rm --yes probe"
        " && .venv/bin/invoke accounts.matrix",
        user=USER,
        variables=CLI,
    )
    assert _made(_said(done)), _said(done)
    assert done.returncode == 0, _said(done)
    found = one.run("find / -xdev -name .pulumi -not -path '/proc/*'").stdout.splitlines()
    assert found == [f"{HOME}/{folder}/christmas/.christmas/state/.pulumi"]


def test_a_user_behind_a_proxy(machine: NewMachine) -> None:
    one = machine("bookworm")
    if any(name.lower().endswith("s_proxy") for name in network_variables()):
        pytest.fail("this machine has a proxy of its own: run this test without HTTPS_PROXY")
    with tunnelling_proxy() as proxy:
        variables = {**CLI, "HTTPS_PROXY": proxy.url, "https_proxy": proxy.url}
        done = one.run(f"{COPY} && {MAKE}", user=USER, variables=variables)
    assert _made(_said(done)), _said(done)
    # pip fetches the installer, and the installer all the rest.
    assert len(proxy.asked) >= 2, proxy.asked
    assert all(address.endswith(":443") for address in proxy.asked)
