"""The language host under the real engine: programs that work, fail, hang and are killed; policy packs; about and install."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from .conftest import Clone

PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def no_bad_names(args, report):
    if args.name == "bad":
        report("a thing must not be called bad")

PolicyPack("tiny-rules", policies=[ResourceValidationPolicy("names", "names are good", no_bad_names, EnforcementLevel.MANDATORY)])
"""


@pytest.fixture
def pack(stack: Clone) -> Path:
    folder = stack.root / "app" / "policy"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
    (folder / "__main__.py").write_text(PACK)
    return folder


@pytest.mark.exhaustive
def test_a_policy_pack_lets_good_things_pass(stack: Clone, pack: Path) -> None:
    outcome = stack.pulumi("preview", "--policy-pack", str(pack))
    assert "tiny-rules@v0.0.1" in outcome.stdout
    assert "2 to create" in outcome.stdout


@pytest.mark.exhaustive
def test_a_policy_pack_stops_what_breaks_its_rule(stack: Clone, pack: Path) -> None:
    stack.pulumi("config", "set", "name", "bad")
    outcome = stack.pulumi("preview", "--policy-pack", str(pack), check=False)
    assert outcome.returncode != 0
    assert "a thing must not be called bad" in outcome.stdout


@pytest.mark.exhaustive
def test_a_policy_pack_may_name_its_environment(stack: Clone, pack: Path) -> None:
    (pack / "PulumiPolicy.yaml").write_text("runtime: {name: python, options: {virtualenv: ../../.venv}}\nversion: 0.0.1\n")
    assert "tiny-rules@v0.0.1" in stack.pulumi("preview", "--policy-pack", str(pack)).stdout


@pytest.mark.exhaustive
def test_a_broken_policy_pack_shows_its_error(stack: Clone, pack: Path) -> None:
    (pack / "__main__.py").write_text("raise SystemExit('rules are missing')")
    outcome = stack.pulumi("preview", "--policy-pack", str(pack), check=False)
    assert outcome.returncode != 0
    assert "rules are missing" in outcome.stdout + outcome.stderr


def test_an_exception_is_shown_once_with_the_users_lines_only(stack: Clone) -> None:
    stack.program.write_text("def burst():\n    raise ValueError('the moon is full')\n\nburst()\n")
    outcome = stack.pulumi("up", "--yes", "--skip-preview", check=False)
    assert outcome.returncode != 0
    assert outcome.stdout.count("ValueError: the moon is full") == 1
    assert "language_host" not in outcome.stdout + outcome.stderr
    assert "runpy" not in outcome.stdout + outcome.stderr


@pytest.mark.exhaustive
def test_an_exit_code_is_told(stack: Clone) -> None:
    stack.program.write_text("import os; os._exit(7)")
    outcome = stack.pulumi("up", "--yes", "--skip-preview", check=False)
    assert outcome.returncode != 0
    assert "Program exited with non-zero exit code: 7" in outcome.stdout


@pytest.mark.exhaustive
def test_a_program_ended_by_a_signal_is_told(stack: Clone) -> None:
    stack.program.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert "Program was ended by SIGKILL" in stack.pulumi("preview", check=False).stdout


@pytest.mark.exhaustive
def test_both_output_streams_are_shown(stack: Clone) -> None:
    stack.program.write_text("import sys; print('to out'); print('to err', file=sys.stderr)")
    shown = stack.pulumi("preview").stdout
    assert "to out" in shown
    assert "to err" in shown


@pytest.mark.exhaustive
def test_a_missing_environment_says_how_to_make_it(stack: Clone) -> None:
    settings = stack.root / "Pulumi.yaml"
    settings.write_text(settings.read_text().replace(".venv", "nowhere"))
    outcome = stack.pulumi("preview", check=False)
    assert outcome.returncode != 0
    assert f"names {stack.root / 'nowhere'}, which does not exist" in outcome.stdout


@pytest.mark.exhaustive
def test_type_checking_runs_where_it_is_asked_for(stack: Clone) -> None:
    settings = stack.root / "Pulumi.yaml"
    settings.write_text(settings.read_text().replace("virtualenv: .venv", "virtualenv: .venv, typechecker: mypy"))
    stack.program.write_text("number: int = 'text'\n")
    outcome = stack.pulumi("preview", check=False)
    assert outcome.returncode != 0
    assert "type checking with mypy failed" in outcome.stdout
    assert "Incompatible types" in outcome.stdout


@pytest.mark.exhaustive
def test_about_names_the_interpreter_and_the_plugins_that_are_needed(stack: Clone) -> None:
    shown = stack.pulumi("about").stdout
    assert f"executable='{stack.root / '.venv' / 'bin' / 'python'}'" in shown
    assert f"version='{sys.version.split()[0]}'" in shown
    assert "docker  5.2.0" in shown


@pytest.mark.exhaustive
def test_about_lists_dependencies(stack: Clone) -> None:
    assert "pulumi-docker" in stack.pulumi("about", "--transitive").stdout


@pytest.mark.exhaustive
def test_install_without_requirements_leaves_the_environment_alone(stack: Clone) -> None:
    outcome = stack.pulumi("install")
    assert "nothing to install" in outcome.stdout + outcome.stderr


@pytest.mark.exhaustive
def test_install_makes_the_environment_and_installs_what_is_required(stack: Clone) -> None:
    settings = stack.root / "Pulumi.yaml"
    settings.write_text(settings.read_text().replace("virtualenv: .venv", "virtualenv: fresh"))
    package = stack.root / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n[project]\nname = 'tiny'\nversion = '1'\n"
    )
    (package / "backend.py").write_text(
        "import zipfile, os\n"
        "def build_wheel(folder, config_settings=None, metadata_directory=None):\n"
        "    name = 'tiny-1-py3-none-any.whl'\n"
        "    with zipfile.ZipFile(os.path.join(folder, name), 'w') as wheel:\n"
        "        wheel.writestr('tiny.py', '')\n"
        "        wheel.writestr('tiny-1.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n')\n"
        "        wheel.writestr('tiny-1.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n"
        "        wheel.writestr('tiny-1.dist-info/RECORD', '')\n"
        "    return name\n"
    )
    (stack.root / "app" / "requirements.txt").write_text(f"{package}\n")
    stack.pulumi("install")
    assert list((stack.root / "fresh").glob("lib/python3*/site-packages/tiny.py"))


@pytest.mark.exhaustive
def test_ctrl_c_ends_a_hanging_program_without_a_traceback(
    stack: Clone, tmp_path: Path, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    mark = tmp_path / "started"
    stack.program.write_text(f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(300)\n")
    log = tmp_path / "log"
    process = stack.start("up", "--yes", "--skip-preview", log=log)
    wait_for(lambda: mark.is_file() and mark.read_text() != "")
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(PATIENCE) != 0
    wait_for(lambda: not Path(f"/proc/{mark.read_text()}").exists())
    shown = log.read_text()
    assert "update canceled" in shown
    assert "Traceback" not in shown
    assert "KeyboardInterrupt" not in shown
    stack.program.write_text("")
    stack.pulumi("up", "--yes", "--skip-preview")
