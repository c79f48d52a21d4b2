"""A stack's life through the Pulumi CLI: up, preview, down. The same commands that a user types, with explained failures."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from airgap.toolchain.asking import ask
from airgap.toolchain.environment import pulumi_environment, with_refresh
from airgap.toolchain.locate import real_pulumi
from airgap.toolchain.locks import clear_dead_locks
from airgap.toolchain.pulumi_failures import diagnose
from christmas.blueprint.services import MONITORING, SERVICES
from core import temporary
from core.chosen_engine import chosen_engine
from core.docker_client import docker_client
from core.errors import PlatformError
from core.labels import SERVICE_LABEL, STACK_LABEL, of_stack, with_labels
from core.progress import Progress, SilentProgress
from core.runner import show_progress
from infra import ownership
from infra.connections import ROOT, stack_name
from infra.ownership import PROJECT
from infra.stack_names import check_name

POLICY_PACK = ROOT / "infra" / "policy"
_LINES_ON_FAILURE = 60


def up(stack: str | None = None, *, refresh: bool = False, progress: Progress | None = None) -> None:
    """Bring the stack to the program's state; makes a missing stack.

    `refresh` first reads the real state, so that changes by hand are undone; that is done without it, too, if a container of the stack
    does not run. With `progress` Pulumi's own display is replaced by it, and shown only after a failure.
    Raises PlatformError if the name is wrong or another clone has it, and if Pulumi fails; the next run continues from there.
    """
    name = check_name(stack_name(stack))
    refuse_others(name)
    if not refresh:
        ownership.refuse_elsewhere(name, _backend())
    ensure_stack(name)
    _build_optional_images(name, progress)
    if not refresh and (missing := _not_running(name)):
        print(f"not running: {', '.join(missing)}; so Pulumi looks first at what is really there (--refresh)", flush=True)
        refresh = True
    options = ["--yes", "--skip-preview", *(["--refresh"] if refresh else []), *(["--suppress-outputs"] if progress else [])]
    _pulumi(["up", *options], name, what=f"stack {name} did not come up", progress=progress)


def _not_running(stack: str) -> list[str]:
    """The services of a stack that is there whose containers are stopped or gone: Pulumi's state alone does not know it."""
    client = docker_client()
    filters = with_labels(f"{STACK_LABEL}={stack}", SERVICE_LABEL)
    containers = client.containers.list(all=True, ignore_removed=True, filters=filters)
    if not containers and not client.volumes.list(filters=filters):
        return []
    running = {container.labels[SERVICE_LABEL] for container in containers if container.status == "running"}
    # Every stack has the first; monitoring only one whose container is there.
    wanted = {service.name for service in SERVICES} | {container.labels[SERVICE_LABEL] for container in containers}
    return sorted(wanted - running)


def _build_optional_images(stack: str, progress: Progress | None) -> None:
    """Build the images that this stack's settings ask for; those of every stack are the machine's set-up's."""
    import yaml

    settings = ROOT / f"Pulumi.{stack}.yaml"
    content = (yaml.safe_load(settings.read_text(encoding="utf-8")) or {}) if settings.exists() else {}
    if str((content.get("config") or {}).get(f"{PROJECT}:{MONITORING.name}")).lower() != "true":
        return
    from airgap.images.build import ensure_images

    if progress is not None:
        ensure_images([MONITORING.name], progress)
        return
    with show_progress("images") as shown:
        ensure_images([MONITORING.name], shown)


def preview(stack: str | None = None, *, refresh: bool = False, diff: bool = False, expect_no_changes: bool = False) -> None:
    """Show what `up` would do, and check it with the policy pack; nothing is changed.

    A stack that doesn't exist yet is previewed in a temporary state.
    Raises PlatformError if the name is wrong, if the program or a mandatory policy fails, and if `expect_no_changes` and there are some.
    """
    name = check_name(stack_name(stack))
    chosen = {"--refresh": refresh, "--diff": diff, "--expect-no-changes": expect_no_changes}
    options = ["preview", "--policy-pack", str(POLICY_PACK), *(option for option, wanted in chosen.items() if wanted)]
    what = f"stack {name} would change, or its preview failed" if expect_no_changes else f"the preview of stack {name} failed"
    if name in stacks():
        _pulumi(options, name, what=what)
        return
    with _throwaway(name) as (folder, environment):
        _pulumi(["stack", "init"], name, what=what, environment=environment, folder=folder, progress=SilentProgress())
        _pulumi(options, name, what=what, environment=environment, folder=folder)


@contextlib.contextmanager
def _throwaway(stack: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A temporary project folder with this program, a copy of the stack's settings and its own state."""
    import yaml

    with temporary.folder("preview") as folder:
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        project["main"] = str(ROOT / project["main"])
        project["runtime"]["options"]["virtualenv"] = str(ROOT / project["runtime"]["options"]["virtualenv"])
        for plugin in project["plugins"]["providers"]:
            plugin["path"] = str(ROOT / plugin["path"])
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        settings = ROOT / f"Pulumi.{stack}.yaml"
        if settings.exists():
            shutil.copy(settings, folder)
        (folder / "state").mkdir()
        environment = pulumi_environment(ROOT) | {"PULUMI_BACKEND_URL": (folder / "state").as_uri(), "PULUMI_CONFIG_PASSPHRASE": "preview"}
        environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        yield folder, environment


def down(stack: str | None = None, *, volumes: bool = False) -> None:
    """Remove the stack's containers, network and accounts. Data volumes stay for the next `up`, unless `volumes` is given.

    Raises PlatformError if Pulumi fails, the stack doesn't exist, or another clone's data has that name; and, before anything is
    removed, if the data would be deleted while something else uses it.
    """
    name = stack_name(stack)
    if name not in stacks():
        raise PlatformError(what=f"there is no stack {name}", where="pulumi stack ls", next_step=f"stacks: {', '.join(stacks()) or 'none'}")
    ownership.refuse_elsewhere(name, _backend())
    if volumes:
        refuse_others(name)
        _refuse_use(name)
    _pulumi(["destroy", "--yes", "--skip-preview"], name, what=f"stack {name} was not taken down completely")
    if volumes:
        remove_volumes(name)


def refuse_others(stack: str) -> None:
    """Raise PlatformError if another clone runs a stack of that name on this engine, or has its data there."""
    ownership.claim(stack, _backend(), dry_run=True)


def _backend() -> str:
    return pulumi_environment(ROOT).get("PULUMI_BACKEND_URL", "")


def data_volumes(stack: str) -> list[str]:
    """Names of the stack's volumes on the Docker host, found by label."""
    from core.docker_client import docker_host

    with docker_host() as host:
        volumes = host.volumes.list(filters=of_stack(stack))
        return sorted(volume.name for volume in volumes)


def _refuse_use(stack: str) -> None:
    from core.docker_client import docker_host
    from infra.volume_users import refuse_use

    with docker_host() as host:
        refuse_use(host, stack, data_volumes(stack))


def remove_volumes(stack: str) -> None:
    """Delete the stack's volumes with their data.

    Raises PlatformError if one is still in use.
    """
    import docker.errors

    from core.docker_client import docker_host
    from infra.volume_users import refuse_use

    with docker_host() as host:
        for name in data_volumes(stack):
            try:
                host.volumes.get(name).remove()
            except docker.errors.NotFound:
                continue
            except docker.errors.APIError as error:
                refuse_use(host, stack, [name])
                raise PlatformError(
                    what=f"volume {name} can't be removed: {error.explanation}",
                    where="Docker",
                    next_step="remove what uses it, then run this again",
                ) from error


def stacks() -> list[str]:
    """Names of the stacks in the state."""
    return [str(stack["name"]) for stack in _list()]


def ensure_stack(name: str) -> None:
    """Make a missing stack; it becomes the selected one if none is."""
    present = _list()
    if any(stack["name"] == name for stack in present):
        return
    selected = any(stack["current"] for stack in present)
    _pulumi(
        ["stack", "init", *(["--no-select"] if selected else [])], name, what=f"stack {name} could not be made", progress=SilentProgress()
    )


def configuration(stack: str) -> dict[str, Any]:
    """The stack's own settings, without the values of secrets; keys without their namespace."""
    listed = _json(["config", "--json", "--stack", stack], f"the settings of stack {stack} can't be read") or {}
    settings = {key.partition(":")[2]: entry for key, entry in listed.items() if key.startswith(f"{PROJECT}:")}
    return {name: entry.get("objectValue", entry.get("value")) for name, entry in settings.items()}


def set_configuration(stack: str, path: str, value: str) -> None:
    """Set one setting of the stack by its path, as `pulumi config set --path` does."""
    _pulumi(["config", "set", "--path", path, value], stack, what=f"setting {path} could not be set", progress=SilentProgress())


@dataclass(frozen=True, slots=True)
class Change:
    """What `up` would do to a resource: its kind and name, and `update`, `replace` or the like."""

    kind: str
    name: str
    operation: str


def planned(stack: str) -> list[Change]:
    """What `up` would change now. Nothing is changed.

    Raises PlatformError if the program fails.
    """
    preview = _json(["preview", "--json", "--stack", stack], f"the preview of stack {stack} failed")
    named = [(str(step["urn"]).split("::"), str(step["op"])) for step in preview["steps"] if step["op"] != "same"]
    return [Change(parts[-2].rpartition(":")[2], parts[-1], operation) for parts, operation in named]


def _list() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = _json(["stack", "ls", "--json"], "the stacks can't be listed") or []
    return listed


def _json(arguments: Sequence[str], what: str) -> Any:
    done = ask(ROOT, *arguments)
    if done.returncode != 0:
        raise _failed(what, f"pulumi {arguments[0]}", done.stderr)
    return json.loads(done.stdout or "null")


def _pulumi(
    arguments: Sequence[str],
    stack: str,
    *,
    what: str,
    environment: dict[str, str] | None = None,
    folder: Path = ROOT,
    progress: Progress | None = None,
) -> None:
    """Run the CLI. Without `progress` it has the terminal to itself; with it, each of its lines becomes the status.

    Its standard error is kept in either case, to be explained. If nobody reads its output any more it still finishes:
    Pulumi itself would end in the middle of an update.
    """
    if arguments[0] in {"up", "preview", "destroy"}:
        engine = f"Docker engine: {chosen_engine()}"
        print(engine, flush=True) if progress is None else progress.log(engine)
    command = [str(real_pulumi()), *arguments, "--stack", stack]
    environment = with_refresh(arguments, environment or pulumi_environment(ROOT))
    for line in clear_dead_locks(environment.get("PULUMI_BACKEND_URL", ""), stack):
        _say(line, progress)
    terminal = progress is None and sys.stdout.isatty()
    if not terminal:
        command += ["--non-interactive", "--color", "never"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=None if terminal else subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    shown: list[str] = []
    unread: SystemExit | None = None
    pump = threading.Thread(target=_pump, args=(process.stderr, said, progress is None), daemon=True)
    pump.start()
    try:
        for line in process.stdout or ():
            shown.append(line)
            if progress is None:
                try:
                    print(line, end="", flush=True)
                except SystemExit as ended:
                    unread = ended
            elif line.strip(" .@\n"):
                progress.status(line.strip())
        code = process.wait()
    except KeyboardInterrupt:
        # The terminal sent the signal to Pulumi as well: it finishes the running operations and writes its state.
        process.wait()
        raise PlatformError(
            what=f"{what}: interrupted", where=f"pulumi {arguments[0]}", next_step="run it again; it continues from there", exit_code=130
        ) from None
    finally:
        pump.join(timeout=5)
    if unread is not None:
        raise unread
    if code != 0:
        if progress is not None:
            progress.log("".join(shown[-_LINES_ON_FAILURE:]).strip())
        raise _failed(what, f"pulumi {arguments[0]} --stack {stack}", "".join(said) or "".join(shown))


def _say(line: str, progress: Progress | None) -> None:
    if progress is None:
        print(line, file=sys.stderr, flush=True)
    else:
        progress.log(line)


def _pump(stream: IO[str] | None, said: list[str], aloud: bool) -> None:
    for line in stream or ():
        said.append(line)
        if aloud:
            with contextlib.suppress(SystemExit):  # nobody reads the output; Pulumi must not block on it
                sys.stderr.write(line)
                sys.stderr.flush()


def _failed(what: str, where: str, said: str) -> PlatformError:
    known = diagnose(said)
    if known:
        return PlatformError(what=f"{what}: {known.what}", where=known.where or where, next_step=known.next_step)
    errors = [line.strip().removeprefix("error: ") for line in said.splitlines() if line.strip().startswith("error: ")]
    return PlatformError(what=f"{what}: {errors[0]}" if errors else what, where=where, next_step="fix that, then run it again")
