"""A clone on a machine of its own: folder, home, state and, where one is given, Docker engine. What a lost machine is replaced by."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bare_machine.engine import Engine
from tests.support.checking import ASKED_AGAIN

STACK = "test-lost"
PASSPHRASE = "correct horse battery staple"
# Names, phones and addresses as account api reads them; what can't be opened raises.
_PROFILES = """
import json, dataclasses
from christmas.profiles import Profiles
from infra import clients, connections
from christmas.sealed.cipher import FieldCipher
from christmas.sealed.ring import from_json
platform = connections.load()
profiles = Profiles(FieldCipher(from_json(platform.field_keys)))
with clients.postgres(platform, "api") as connection:
    ids = [row[0] for row in connection.execute("select user_id from user_profiles order by user_id").fetchall()]
    print(json.dumps([dataclasses.asdict(profiles.read(connection, each)) for each in ids], default=str))
"""
_COUNTS = """
import json
from infra import clients, connections
platform = connections.load()
with clients.postgres(platform, "backup") as connection:
    rows = {name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in ("users", "orders", "market_data")}
with clients.redis_client(platform, "monitor") as client:
    rows["redis"] = client.info("keyspace")["db0"]["keys"] > 0
with clients.weaviate_client(platform, "backup") as client:
    every = [client.collections.use(each) for each in client.collections.list_all()]
    rows["passages"] = sum(each.aggregate.over_all(total_count=True).total_count for each in every)
print(json.dumps(rows))
"""


@dataclass
class Machine:
    """Runs commands as somebody on that machine types them, after `make machine`."""

    clone: Path
    home: Path
    stack: str = STACK
    engine: Engine | None = None
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def new(cls, source: Path, folder: Path, engine: Engine | None = None, stack: str = STACK) -> Machine:
        """A machine with a fresh clone. What `make machine` would build for minutes it finds in the caches of this one."""
        clone, home = folder / "clone", folder / "home"
        shutil.copytree(source, clone)
        (home / ".cache").mkdir(parents=True)
        for name in ("christmas", "uv"):
            there = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / name
            if there.exists():
                (home / ".cache" / name).symlink_to(there)
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PULUMI_", "CHRISTMAS_", "DOCKER_", "XDG_", "VIRTUAL_"))
        }
        own |= {"HOME": str(home), "CHRISTMAS_STACK": stack} | ({"DOCKER_HOST": engine.url} if engine else {})
        made = cls(clone, home, stack, engine, own)
        done = subprocess.run(
            [sys.executable, "airgap/setup/bootstrap.py", "machine"],
            cwd=clone,
            env=own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return made

    def fresh_clone(self, folder: Path) -> Path:
        """The clone as git has it: without what this machine made in its own."""
        made = (".venv", ".christmas", f"Pulumi.{self.stack}.yaml", "*.egg-info")
        return Path(shutil.copytree(self.clone, folder, ignore=shutil.ignore_patterns(*made)))

    def run(self, program: str, *arguments: str, stdin: str = "", allowed: tuple[int, ...] = (0,)) -> str:
        """Run a program of the clone's environment, in the engine's network; return all that it says."""
        command = [str(self.clone / ".venv/bin" / program), *arguments]
        done = subprocess.run(
            self.engine.command(*command) if self.engine else command,
            cwd=self.clone,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        assert done.returncode in allowed, f"{program} {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def invoke(self, *arguments: str, stdin: str = "", allowed: tuple[int, ...] = (0,)) -> str:
        """Run one of the tasks."""
        return self.run("invoke", *arguments, stdin=stdin, allowed=allowed)

    def set_places(self, settings: dict[str, Any]) -> None:
        """Say where backups are; the value comes through standard input, as a person would paste it."""
        self.invoke("up")
        self.run("pulumi", "config", "set", "--secret", "christmas:backup", stdin=json.dumps(settings))
        self.invoke("up")

    def fill(self, documents: Path) -> None:
        """Schema, and a little of everything in each store."""
        self.invoke("migrate")
        self.invoke("seed.market")
        self.invoke("seed.demo")
        self.invoke("seed.cache")
        self.invoke("seed.docs", str(documents))

    def profiles(self) -> list[dict[str, Any]]:
        """All profiles, opened with the ring of this machine."""
        document: list[dict[str, Any]] = json.loads(self._python(_PROFILES))
        return document

    def counts(self) -> dict[str, Any]:
        """What each store holds."""
        document: dict[str, Any] = json.loads(self._python(_COUNTS))
        return document

    def _python(self, program: str) -> str:
        return self.run("python", "-c", program).splitlines()[-1]

    def take_kit(self, file: Path) -> Path:
        """Take a kit for the tests' passphrase."""
        self.invoke("backup.kit", "--out", str(file), "--passphrase-file", "-", stdin=PASSPHRASE + "\n")
        return file

    def up_from(self, kit: Path, *, allowed: tuple[int, ...] = (0,)) -> str:
        """Bring the stack up from a kit."""
        return self.invoke("up", "--kit", str(kit), "--passphrase-file", "-", stdin=PASSPHRASE + "\n", allowed=allowed)

    def findings(self) -> dict[str, str]:
        """What `check` calls anything but ok of the stack: name to status and message. What could not be learned is asked again."""
        for _ in range(ASKED_AGAIN):
            document = json.loads(self.invoke("check", "--json", allowed=(0, 1, 2, 3)))
            if not any(check["status"] == "unknown" for check in document["checks"]):
                break
        # How busy this machine is makes no difference to what was lost.
        wrong = [check for check in document["checks"] if check["status"] != "ok" and not check["name"].startswith("host.")]
        return {each["name"]: f"{each['status']}: {each['message']}" for each in wrong}

    def docker(self, *arguments: str) -> list[str]:
        """Words of what the Docker client of this machine prints."""
        done = subprocess.run(["docker", *arguments], env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    def stop_schedule(self) -> None:
        """End what `up` has started: it would go on after the test."""
        self.invoke("schedule.stop", "--now", allowed=(0, 1))

    def lose_engine(self) -> None:
        """Take away the stack's containers, networks and volumes, as when Docker's folder is lost."""
        label = f"label=com.christmas.stack={self.stack}"
        for listed, remove in (("ps -aq", "rm -f"), ("network ls -q", "network rm"), ("volume ls -q", "volume rm")):
            if found := self.docker(*listed.split(), "--filter", label):
                self.docker(*remove.split(), *found)

    def lose_folder(self) -> None:
        """Take away what the clone keeps of its stack: state, passphrase, sets, settings."""
        shutil.rmtree(self.clone / ".christmas")
        (self.clone / f"Pulumi.{self.stack}.yaml").unlink()
