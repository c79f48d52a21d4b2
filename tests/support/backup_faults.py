"""Backups that are killed on purpose: a process of their own that ends itself by SIGKILL at a stage, and servers killed at one.

A stage is what the progress line says, so nothing in the code under test knows about it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import docker
import docker.errors

from backup.drill import drill
from backup.make import make
from backup.prune import prune
from backup.restore import home, restore
from backup.restoring.journal import Begun, Journal
from backup.restoring.stopped import start
from backup.sets import folders, keys
from backup.sets.model import Manifest
from backup.verify import verify
from christmas.blueprint.services import WEAVIATE
from core.container_commands import execute
from core.labels import OWNER_LABEL
from infra.clients import redis_client
from infra.components.pgbackrest_config import REPOSITORY_PATH
from infra.connections import Endpoint, Platform
from tests.support.power import Disk
from tests.support.waiting import PATIENCE, wait_for

ROOT = Path(__file__).resolve().parents[2]
_JOURNAL = "journal: "
_BACKED_UP = "backed up"  # the closing full set is there
# One process that has imported everything, from which those that are to be killed are forked: Python's start would take a second each.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "weaviate", "redis", "psycopg", "docker"])


class AtStage:
    """A progress that does something once, when the line first says a stage: before the work goes on, or `delay` seconds later.

    With a delay it acts at the latest when the store leaves the stage, and before the store goes on: so it acts within the stage on
    any machine. As a context it fails the test where the work was over before it had acted.
    """

    def __init__(self, stage: str, act: Callable[[], object], delay: float = 0) -> None:
        self._stage = stage
        self._act = act
        self._delay = delay
        self._timer = threading.Timer(delay, self._act_once)
        self._timer.daemon = True
        self._once = threading.Lock()
        self._reached = self._begun = self._acted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._timer.cancel()
        with self._once:
            self._begun = True
        if kind is None:
            assert self._acted, f"the work was over before anything was done at {self._stage!r}"

    def _act_once(self) -> None:
        with self._once:
            if not self._begun:
                self._begun = True
                self._act()
                self._acted = True

    def status(self, text: str) -> None:
        """Act where the line says the stage, or what follows it."""
        if not self._reached:
            if self._stage in text:
                self._reached = True
                if self._delay:
                    self._timer.start()
                else:
                    self._act_once()
        elif ":" in self._stage and self._stage not in text:
            # A store's stage is over. Other stages, as `safety backup`, have stages of stores inside.
            self._act_once()

    def count(self, done: float, total: float, unit: str = "") -> None:
        """Ignore numbers."""

    def log(self, text: str) -> None:
        """Act where a line that stays says the stage."""
        self.status(text)


@dataclasses.dataclass
class Sets:
    """A platform, a folder of its sets, and what the tests do to both."""

    platform: Platform
    folder: Path
    passphrase: str = dataclasses.field(repr=False)
    scratch: Path
    disk: Disk | None = None

    def make(self, kind: Any = "incremental", stores: list[str] | None = None) -> Manifest:
        """A set, which must come about."""
        manifest = make(self.platform, kind=kind, stores=stores, folder=self.folder)
        assert manifest is not None
        return manifest

    def ids(self) -> list[str]:
        """The sets that count."""
        return [manifest.id for manifest in folders.list_sets(folder=self.folder)]

    def aged(self, manifest: Manifest, days: float) -> Manifest:
        """The same set as if it had been made earlier: its manifest signed again with the real key."""
        past = timedelta(days=days)
        older = manifest.model_copy(update={"started": manifest.started - past, "finished": manifest.finished - past})
        signed = keys.sign(older, self.passphrase)
        folders.publish(self.folder, signed)
        return signed

    def assert_good(self, *set_ids: str) -> None:
        """Verify these sets and all that they build on; the newest where none is named."""
        for set_id in set_ids or (None,):
            for verdict in verify(self.platform, set_id, folder=self.folder):
                assert verdict.faults == (), f"{verdict.set_id}: {verdict.faults}"

    def left_in_repository(self) -> int:
        """Bytes left on the disk of pgBackRest's repository."""
        line = ["df", "-Pk", REPOSITORY_PATH]
        text = execute(self.platform.containers["timescaledb"], line, user="postgres").text()
        return int(text.splitlines()[-1].split()[3]) * 1024

    def assert_nothing_held(self) -> None:
        """Redis may rewrite its log again, and nobody's backup of PostgreSQL or Weaviate is under way."""
        with redis_client(self.platform, "backup") as client:
            assert client.config_get("auto-aof-rewrite-percentage") == {"auto-aof-rewrite-percentage": "100"}
        # A shell that was just told to end may take a moment on a busy machine. The server archives its log all the time.
        wait_for(lambda: not [each for each in self._at_work() if "archive-push" not in each], "nothing works on the repository any more")
        assert folders.leftovers(self.folder) == []

    def _at_work(self) -> list[str]:
        return processes(self.platform.containers["timescaledb"], "pgbackrest --config", "pg_dump")

    def stored(self) -> Path:
        """The platform in a file that only its user can read, for other processes."""
        stored = self.scratch / "platform"
        if not stored.exists():
            fields = {field.name: getattr(self.platform, field.name) for field in dataclasses.fields(Platform)}
            stored.touch(0o600)
            stored.write_bytes(pickle.dumps(fields))
        return stored

    def restored(self, name: str) -> Platform:
        """What was restored beside under a name, reached as its connections.json says."""
        known = json.loads((home(name) / "connections.json").read_text())
        urls = known["accounts"]["backup"]
        endpoints = {}
        for store, variable in (("postgres", "DATABASE_URL"), ("redis", "REDIS_URL"), ("weaviate", "WEAVIATE_URL")):
            if variable in urls:
                there = urlsplit(urls[variable])
                endpoints[store] = Endpoint(str(there.hostname), int(there.port or 0), store, int(there.port or 0))
        if "weaviate" in endpoints:
            # Beside one another nothing is published, so the ports are the services' own.
            port = WEAVIATE.ports["grpc"]
            endpoints["weaviate_grpc"] = Endpoint(endpoints["weaviate"].host, port, "weaviate", port)
        return dataclasses.replace(
            self.platform, stack=name, endpoints=endpoints, ca_file=Path(known["ca_file"]), containers=known["containers"]
        )

    def killed(self, verb: str, stage: str, delay: float = 0, *, surely: bool = True, **options: Any) -> int:
        """Run a verb in a process of its own that is killed at a stage, or, as `journal: STEP`, when the journal has come to a step.

        With a disk of its own, its power is cut first. Returns the number that the process had.
        Unless it must be killed `surely`, the verb may come to its end before: that is 0.
        """
        told = self.scratch / "told"
        told.unlink(missing_ok=True)
        stored = (str(self.stored()), str(self.folder), str(told), dict(os.environ))
        victim = FORKS.Process(target=_main, args=(*stored, verb, stage, delay, options, self.disk))
        victim.start()
        victim.join(PATIENCE)
        said = told.read_text(errors="replace") if told.exists() else ""
        if not surely and victim.exitcode == 0:
            return 0
        assert victim.exitcode == -signal.SIGKILL, f"it was to die at {stage!r} but ended with {victim.exitcode}:\n{said}"
        return int(victim.pid or 0)

    def kill_server(self, service: str) -> None:
        """SIGKILL a server, as the kernel does where memory runs out."""
        docker.from_env().containers.get(self.platform.containers[service]).kill("SIGKILL")

    def start_server(self, service: str) -> None:
        """Bring a killed server up again, until clients can use it."""
        container = docker.from_env().containers.get(self.platform.containers[service])
        start(container)
        wait_until_ready(self.platform, service)


class KillAtStart:
    """SIGKILLs a container when the engine tells that it has started: the first time after this was called.

    Nothing is looked for by and by, so the server is killed long before it can have answered a health check of Docker's.
    """

    def __init__(self, container: str) -> None:
        self._container = container
        self._killed = threading.Event()

    def __call__(self) -> None:
        """Listen from now on."""
        now = time.time_ns()
        self._killed.clear()
        # Events may be far apart; the client would give up after a minute without one.
        engine = docker.from_env(timeout=3600)
        told = {"type": "container", "event": "start", "container": self._container}
        events = engine.events(since=now // 10**9, decode=True, filters=told)
        threading.Thread(target=self._kill, args=(engine, events, now), daemon=True).start()

    def _kill(self, engine: docker.DockerClient, events: Iterator[dict[str, Any]], since: int) -> None:
        for event in events:
            # The engine's filter takes the beginning of a name, too: helpers are named after their server.
            if event["timeNano"] > since and event["Actor"]["Attributes"]["name"] == self._container:
                with contextlib.suppress(docker.errors.APIError):
                    engine.api.kill(event["id"], "SIGKILL")
                    self._killed.set()
                    return

    def assert_killed(self) -> None:
        """Make sure that it came to that."""
        assert self._killed.wait(PATIENCE), f"{self._container} was not killed when it started"


def wait_until_ready(platform: Platform, service: str) -> None:
    """Wait until a client of the account `backup` gets an answer."""
    from infra.clients import postgres, weaviate_client

    def ask() -> None:
        if service == "timescaledb":
            with postgres(platform, "backup") as connection:
                connection.execute("select 1")
        elif service == "redis":
            with redis_client(platform, "backup") as client:
                client.info("persistence")
        else:
            with weaviate_client(platform, "backup") as store:
                store.collections.list_all()

    def answers() -> bool:
        try:
            ask()
        except Exception:
            return False
        return True

    wait_for(answers, f"{service} answers the account backup")


def processes(container: str, *wanted: str) -> list[str]:
    """Command lines of processes in a container that contain one of these words."""
    script = "for each in /proc/[0-9]*; do tr '\\0' ' ' <$each/cmdline 2>/dev/null; echo; done"
    lines = execute(container, ["sh", "-c", script]).text().splitlines()
    return [line for line in lines if any(word in line for word in wanted)]


def owned_by(pid: int) -> list[str]:
    """Containers that a process has made and owns."""
    found = docker.from_env().containers.list(all=True, ignore_removed=True, filters={"label": f"{OWNER_LABEL}={pid}"})
    return [str(each.name) for each in found]


def _main(
    stored: str,
    folder: str,
    told: str,
    environment: dict[str, str],
    verb: str,
    stage: str,
    delay: float,
    options: dict[str, Any],
    disk: Disk | None,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    platform = Platform(**pickle.loads(Path(stored).read_bytes()))  # noqa: S301 - a file of the test's own, for its user alone

    def die() -> None:
        if disk:
            disk.cut()
        os.kill(os.getpid(), signal.SIGKILL)

    progress = AtStage(stage, die, delay)
    if stage.startswith(_JOURNAL):
        _act_after(stage.removeprefix(_JOURNAL), die, delay)
    verbs: dict[str, Callable[..., object]] = {"make": make, "drill": drill, "prune": prune, "restore": restore}
    verbs[verb](platform, **options, progress=progress, folder=Path(folder))


def _act_after(step: str, act: Callable[[], None], delay: float) -> None:
    """Act once a restore's journal says a step, or a while later."""
    write = Journal._write

    def write_and_act(self: Journal, state: Begun) -> Begun:
        written = write(self, state)
        if step in state.steps.values() or (step == _BACKED_UP and state.set_made):
            timer = threading.Timer(delay, act)
            timer.daemon = True
            timer.start() if delay else act()
        return written

    Journal._write = write_and_act  # type: ignore[method-assign]
