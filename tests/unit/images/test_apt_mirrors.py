from __future__ import annotations

from pathlib import Path

import pytest

from airgap.images.apt_sources import mirror_lines
from core.errors import PlatformError

RELEASE = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_CODENAME=bookworm\n'

DEB822 = """
Types: deb
# a remark
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 URIs: http://not.a.field/
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""

ONE_LINE = """
# deb http://commented.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] https://tools.example/apt tools main
deb [trusted=yes] http://mirror.example/debian bookworm main non-free  # a remark
deb http://mirror.example/debian-security bookworm-security main
"""

MAIN = "deb http://mirror.example/debian trixie main"
UPDATES = "deb http://mirror.example/debian trixie-updates main"
SECURITY = "deb http://mirror.example/debian-security trixie-security main"


def _machine(root: Path, files: dict[str, str], release: str = RELEASE) -> Path:
    (root / "etc/apt/sources.list.d").mkdir(parents=True)
    (root / "etc/os-release").write_text(release)
    for name, text in files.items():
        (root / "etc/apt" / name).write_text(text)
    return root


CASES = {
    "both in new format": ({"sources.list.d/debian.sources": DEB822}, [MAIN, UPDATES, SECURITY]),
    "one line each": ({"sources.list": ONE_LINE}, [MAIN, SECURITY]),
    "release by its other name": ({"sources.list": "deb http://mirror.example/debian stable main\n"}, [MAIN]),
    "other people's sources first": (
        {"sources.list": "deb https://tools.example/apt bookworm-tools main\n", "sources.list.d/debian.sources": DEB822},
        [MAIN, UPDATES, SECURITY],
    ),
    "sources that are disabled by other words, of another type or without a part": (
        {
            "sources.list.d/others.sources": "".join(
                f"{fields}\nURIs: http://no.example/debian\nSuites: bookworm\n\n"
                for fields in (
                    "Types: deb\nComponents: main\nEnabled: 0",
                    "Types: deb\nComponents: main\nEnabled: False",
                    "Types: deb-src\nComponents: main",
                    "Components: main",
                    "Types: deb",
                )
            ),
            "sources.list.d/the-rest.sources": DEB822,
        },
        [MAIN, UPDATES, SECURITY],
    ),
    "a disabled source": (
        {
            "sources.list.d/a.sources": "Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n",
            "sources.list.d/b.sources": DEB822,
        },
        [MAIN, UPDATES, SECURITY],
    ),
    "a repository without main": (
        {"sources.list": "deb http://other.example/x bookworm stable\n" + ONE_LINE},
        [MAIN, SECURITY],
    ),
    "a file that apt ignores": (
        {"sources.list": ONE_LINE, "sources.list.d/old.list.save": "deb http://old.example/ bookworm main"},
        [MAIN, SECURITY],
    ),
    "a list of mirrors": (
        {
            "sources.list": "deb mirror+file:/etc/apt/mirrors.list bookworm main\n",
            "mirrors.list": "# closest first\nhttp://mirror.example/debian\tpriority:1\nhttp://far.example/debian\n",
        },
        [MAIN],
    ),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES.keys())
def test_lines_for_another_suite_from_the_machines_own_mirrors(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    assert mirror_lines("trixie", _machine(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("release", "what"),
    [
        ('ID=ubuntu\nVERSION_CODENAME=noble\nPRETTY_NAME="Ubuntu 24.04 LTS"\n', "Ubuntu 24.04 LTS"),
        ("", "unknown"),
        ("ID=debian\n", "unknown"),
    ],
)
def test_only_debian_bootstraps(tmp_path: Path, release: str, what: str) -> None:
    with pytest.raises(PlatformError) as caught:
        mirror_lines("trixie", _machine(tmp_path, {"sources.list": ONE_LINE}, release))
    assert what in caught.value.where
    assert "docker load" in caught.value.next_step


@pytest.mark.parametrize("text", ["", "deb cdrom:[Debian GNU/Linux 12]/ bookworm main\n", "deb https://tools.example/apt tools main\n"])
def test_no_mirror_of_debian_is_said(tmp_path: Path, text: str) -> None:
    with pytest.raises(PlatformError, match="bookworm") as caught:
        mirror_lines("trixie", _machine(tmp_path, {"sources.list": text}))
    assert "etc/apt" in caught.value.where
