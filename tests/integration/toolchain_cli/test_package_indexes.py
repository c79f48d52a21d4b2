"""What a user tells pip about package indexes reaches the installer: each setting by variable and by file, against a real index."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.package_index import NAME, WHEEL, Server, forward_proxy, make_wheel, package_index
from tests.support.scratch import Authority, new_authority

PROJECT = Path(__file__).parents[3]
INSTALL = """
import sys
from pathlib import Path
from airgap.setup.installer import fetch_wheels
from core.progress import SilentProgress
fetch_wheels([sys.argv[1]], Path(sys.argv[2]), SilentProgress(), doing="fetching a probe")
"""
# Whatever this machine says about indexes; the settings of each test stand alone.
_OF_THIS_MACHINE = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "CURL_CA", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class User:
    """Somebody who installs the probe with settings of their own."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.target = folder / "target"
        self.requirement = f"{NAME}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"

    def install(self, settings: dict[str, str], *, by: str = "variables", **variables: str) -> subprocess.CompletedProcess[str]:
        """Install with pip settings given `by` variables or by a file: the chosen one or the user's own."""
        environment = {name: value for name, value in os.environ.items() if not name.upper().startswith(_OF_THIS_MACHINE)}
        environment |= {"UV_CACHE_DIR": str(self.folder / "uv-cache"), "XDG_CONFIG_HOME": str(self.folder / "config"), "NO_PROXY": ""}
        # Files of this machine are read before those of a test, and one of them may name an index of its own.
        lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
        if by == "variables":
            environment |= {"PIP_" + name.upper().replace("-", "_"): value for name, value in settings.items()}
        else:
            file = self.folder / ("chosen.conf" if by == "chosen file" else "config/pip/pip.conf")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"[global]\n{lines}\n")
            if by == "chosen file":
                environment["PIP_CONFIG_FILE"] = str(file)
        command = [sys.executable, "-c", INSTALL, self.requirement, str(self.target)]
        return subprocess.run(
            command, cwd=PROJECT, env=environment | variables, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )

    def has_probe(self) -> bool:
        """Tell whether the wheel's module is there."""
        return (self.target / "christmas_probe.py").is_file()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "wheels")


@pytest.fixture
def user(tmp_path: Path, wheel: Path) -> User:
    return User(tmp_path, wheel)


@pytest.fixture
def index(wheel: Path) -> Iterator[Server]:
    with package_index(wheel) as made:
        yield made


@pytest.fixture
def authority() -> Authority:
    return new_authority()


@pytest.fixture
def secure(wheel: Path, authority: Authority, tmp_path: Path) -> Iterator[Server]:
    """An index whose certificate comes from an authority that nobody knows."""
    for name, content in zip(("server.pem", "server.key"), authority.issue("packages.example"), strict=True):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    with package_index(wheel, tls=(tmp_path / "server.pem", tmp_path / "server.key")) as made:
        yield made


BY = pytest.mark.parametrize("by", ["variables", "chosen file", "user's file"])


@BY
def test_an_index_of_their_own(user: User, index: Server, by: str) -> None:
    done = user.install({"index-url": f"{index.url}/simple/"}, by=by)
    assert user.has_probe(), done.stderr
    assert f"/files/{WHEEL}" in index.asked


@BY
def test_a_second_index(user: User, index: Server, by: str) -> None:
    with package_index(None) as first:
        done = user.install({"index-url": f"{first.url}/simple/", "extra-index-url": f"{index.url}/simple/"}, by=by)
    assert user.has_probe(), done.stderr
    assert first.asked


@BY
def test_a_folder_of_wheels_and_no_index(user: User, wheel: Path, by: str) -> None:
    with package_index(None) as never:
        links = f"{wheel.parent} {user.folder / 'not-there'}"
        done = user.install({"index-url": f"{never.url}/simple/", "no-index": "1", "find-links": links}, by=by)
    assert user.has_probe(), done.stderr
    assert never.asked == []


def test_a_page_of_links(user: User, wheel: Path) -> None:
    with package_index(wheel, page="/links/") as made:
        done = user.install({"no-index": "true", "find-links": f"{made.url}/links/"})
    assert user.has_probe(), done.stderr


@BY
def test_an_authority_of_their_own(user: User, secure: Server, by: str, tmp_path: Path) -> None:
    done = user.install({"index-url": f"{secure.url}/simple/", "cert": str(tmp_path / "ca.pem")}, by=by)
    assert user.has_probe(), done.stderr


@BY
def test_a_host_that_is_trusted_without_one(user: User, secure: Server, by: str) -> None:
    host = secure.url.removeprefix("https://")
    done = user.install({"index-url": f"{secure.url}/simple/", "trusted-host": host}, by=by)
    assert user.has_probe(), done.stderr


def test_an_authority_that_nobody_knows_is_refused(user: User, secure: Server) -> None:
    done = user.install({"index-url": f"{secure.url}/simple/", "retries": "0"})
    assert not user.has_probe()
    assert "certificate" in done.stderr.lower()


@pytest.mark.parametrize("by", ["variables", "user's file"])
def test_a_password_in_the_address_is_used_and_never_shown(user: User, wheel: Path, by: str) -> None:
    with package_index(wheel, login=("me", "secret-of-the-index")) as made:
        address = made.url.replace("://", "://me:secret-of-the-index@")
        done = user.install({"index-url": f"{address}/simple/"}, by=by)
        assert user.has_probe(), done.stderr
        wrong = User(user.folder / "wrong", wheel)
        refused = wrong.install({"index-url": f"{address.replace('me:', 'you:')}/simple/", "retries": "0"}, by=by)
    assert refused.returncode != 0
    assert "secret-of-the-index" not in refused.stdout + refused.stderr


@pytest.mark.parametrize("how", ["variable", "pip's setting"])
def test_a_proxy(user: User, index: Server, how: str) -> None:
    with forward_proxy(index, "packages.test") as proxy:
        settings = {"index-url": "http://packages.test/simple/", "trusted-host": "packages.test"}
        if how == "variable":
            done = user.install(settings, HTTP_PROXY=proxy.url, http_proxy=proxy.url)
        else:
            done = user.install({**settings, "proxy": proxy.url})
    assert user.has_probe(), done.stderr
    assert f"http://packages.test/files/{WHEEL}" in proxy.asked
