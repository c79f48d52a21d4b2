"""The settings of this project's `pulumi` commands, if the user has not set their own.

Official plugins win wherever they are present; ours are offered only to this project and only for missing ones.
Standard library only and fast: the wrapper calls it for every command.
"""

from __future__ import annotations

import os
import pwd
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from airgap.toolchain.locate import DOCKER_PLUGIN, LANGUAGE_HOST, built_folder, on_path, real_pulumi
from core.chosen_engine import chosen_engine
from core.disk import write_whole
from core.errors import PlatformError

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
LOOKS_FIRST = "CHRISTMAS_LOOKS_FIRST"
"""Set while Pulumi refreshes before it runs the program, which can't know that: what the state says may be of the past."""
_PASSPHRASE_BYTES = 32


def own_root() -> Path:
    """Return the root of the clone that this code belongs to."""
    return Path(__file__).absolute().parents[2]


def project_root(start: Path) -> Path | None:
    """Return this clone's root if Pulumi, started in `start`, would use it as its project, else None.

    Pulumi uses the nearest project file upwards, so another project nested inside the clone is not ours.
    """
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        if any((candidate / name).is_file() for name in PROJECT_FILES):
            return candidate if candidate == own_root().resolve() else None
    return None


def users_pulumi_home() -> Path:
    """Return Pulumi's folder without PULUMI_HOME; it uses the user database and ignores HOME."""
    return Path(pwd.getpwuid(os.geteuid()).pw_dir) / ".pulumi"


def with_refresh(arguments: Sequence[str], environment: dict[str, str]) -> dict[str, str]:
    """The environment, which says whether the command's arguments ask for a refresh."""
    refreshes = any(argument in {"-r", "--refresh", "--refresh=true"} for argument in arguments)
    return {**environment, LOOKS_FIRST: "yes"} if refreshes else {name: value for name, value in environment.items() if name != LOOKS_FIRST}


def pulumi_environment(root: Path, *, users_home: Path | None = None) -> dict[str, str]:
    """Return the whole environment for running the Pulumi CLI on the project at `root`, and make the files in it.

    The user's own settings stay. Otherwise: state and passphrase in `.christmas/`, no network access, this interpreter for
    the language host, and this project's own plugins if the official ones are missing. Stack and Docker engine
    are those of this project's tasks, see `stack_name` and `chosen_engine`. The Automation API takes the
    result as `env_vars`, together with `PulumiCommand(root=str(real_pulumi().parent.parent))`.
    `users_home` is the folder of the user's own plugins: by default `users_pulumi_home()`.
    Raises PlatformError if the passphrase file is gone although stacks exist, if there is no CLI, or if the Docker context is gone.
    """
    environment = dict(os.environ)
    local = root / ".christmas"
    own_backend = "PULUMI_BACKEND_URL" not in environment
    if own_backend:
        state = local / "state"
        state.mkdir(parents=True, exist_ok=True)
        # An unquoted path is cut at # and fails at %.
        environment["PULUMI_BACKEND_URL"] = state.absolute().as_uri()
    if "PULUMI_CONFIG_PASSPHRASE" not in environment and "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment:
        passphrase = local / "passphrase"
        if own_backend:
            ensure_passphrase(passphrase, local / "state")
        if passphrase.is_file():
            environment["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase)
    if environment.get("CHRISTMAS_STACK"):
        environment["PULUMI_STACK"] = environment["CHRISTMAS_STACK"]
    # Plugins follow DOCKER_HOST, but not every one follows a Docker context; set like this, all use one engine.
    environment.update(chosen_engine(environment).variables())
    environment.setdefault("PULUMI_SKIP_UPDATE_CHECK", "1")
    environment.setdefault("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
    environment["CHRISTMAS_PYTHON"] = sys.executable
    _offer_docker_plugin(environment, local, users_home or users_pulumi_home(), own_backend=own_backend)
    _offer_language_host(environment, local)
    return environment


def ensure_passphrase(file: Path, state: Path) -> None:
    """Make the passphrase file (0600, random) if it is missing and no stack needs an old one.

    Raises PlatformError if stacks exist, because a new passphrase could not decrypt their secrets.
    """
    if file.is_file():
        return
    stacks = sorted(path.stem for path in state.glob(".pulumi/stacks/**/*.json"))
    if stacks:
        raise PlatformError(
            "The passphrase file is gone, but there are stacks whose secrets only it can decrypt.",
            where=f"{file} (stacks: {', '.join(stacks)})",
            next_step="`invoke up --kit FILE` puts it back from a recovery kit; or put back your own copy of the file.\n"
            f"If it is lost for good, so are these stacks' secrets: move {state} away and start over with `make up`.",
        )
    import secrets

    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(_PASSPHRASE_BYTES))
        # A link, not a rename: of two parallel commands, the second must not replace the passphrase that the first used.
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def docker_plugin_version() -> str:
    """Return the version of the Docker plugin that the installed SDK requires, e.g. `5.2.0`; the CLI accepts no other."""
    for folder in sys.path:
        if folder.endswith("-packages"):
            for name in os.listdir(folder) if os.path.isdir(folder) else ():  # noqa: PTH208, PTH112 - ten times as fast as a glob
                if name.startswith("pulumi_docker-") and name.endswith(".dist-info"):
                    return name.removeprefix("pulumi_docker-").removesuffix(".dist-info")
    raise PlatformError(
        "The Python package pulumi-docker is not installed.",
        where=f"the environment of {sys.executable}",
        next_step="run `make up`, which installs the locked dependencies",
    )


def _offer_docker_plugin(environment: dict[str, str], local: Path, users_home: Path, *, own_backend: bool) -> None:
    """Let the CLI find our Docker plugin, but only if it would find no other."""
    if on_path(DOCKER_PLUGIN):
        return
    plugin = f"plugins/resource-docker-v{docker_plugin_version()}"
    chosen = environment.get("PULUMI_HOME")
    if _installed((Path(chosen) if chosen else users_home) / plugin):
        return
    command = "airgap.toolchain.docker_plugin"
    if chosen or not own_backend:
        # The user's own Pulumi home has their log-in and plugins, so leave it unchanged.
        _append_to_path(environment, _write_launcher(local / "shims" / "docker" / DOCKER_PLUGIN, command))
    else:
        home = local / "home"
        _write_launcher(home / plugin / DOCKER_PLUGIN, command)
        environment["PULUMI_HOME"] = str(home)


def _offer_language_host(environment: dict[str, str], local: Path) -> None:
    """Let the CLI find our language host, unless there is one on PATH or beside the CLI (ours is beside the CLI that we build)."""
    if on_path(LANGUAGE_HOST) or os.access(real_pulumi().resolve().with_name(LANGUAGE_HOST), os.X_OK):
        return
    executor = "pulumi-language-python-exec"
    if not (built_folder() / "bin" / executor).is_file():
        raise PlatformError(
            f"The Pulumi CLI at {real_pulumi()} has no Python language host beside it.",
            where=f"neither {LANGUAGE_HOST} on PATH nor {built_folder() / 'bin' / executor}",
            next_step="install the official Pulumi completely, or take it off PATH and run `make up`, which builds one",
        )
    _append_to_path(environment, _write_launcher(local / "shims" / "python" / LANGUAGE_HOST, "airgap.toolchain.language_host"))


def _installed(plugin: Path) -> bool:
    # The CLI itself marks an interrupted installation by a `.partial` file beside the folder.
    return plugin.is_dir() and not plugin.with_name(f"{plugin.name}.partial").exists()


def _write_launcher(file: Path, module: str) -> Path:
    """Write an executable that runs a module of this project with this interpreter, unless it exists; return its folder."""
    script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m {module} "$@"\n'
    try:
        if file.read_text() == script and os.access(file, os.X_OK):
            return file.parent
    except OSError:
        pass
    write_whole(file, script, mode=0o755)
    return file.parent


def _append_to_path(environment: dict[str, str], folder: Path) -> None:
    path = environment.get("PATH", "")
    if str(folder) not in path.split(os.pathsep):
        # At the end: any other program with that name wins.
        environment["PATH"] = f"{path}{os.pathsep}{folder}" if path else str(folder)
