"""What histories do to each store, and its model of them; `tests/integration/backup_histories` goes through them."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from backup.postgres import live_log
from backup.restoring.journal import Journal
from backup.sets import folders
from backup.sets.model import Manifest, Store
from christmas.blueprint.relational import DATABASE
from core.container_commands import execute
from infra.clients import postgres, redis_client, weaviate_client
from infra.connections import Platform
from monitor.backups import judge_timeline
from tests.support.backup_faults import Sets
from tests.support.histories import Branch, Copies, Copy, Model, Rows
from tests.support.redis_log import rewrite_log
from tests.support.scratch_platform import DOCUMENTS

Target = datetime | str | None

_NUMBERS = itertools.count(1)


class Story(ABC):
    """One store through all histories: its model, and moments to go back to."""

    store: Store
    refusal: str
    backup_stages: tuple[tuple[str, float], ...]
    restore_stages: tuple[tuple[str, float], ...] = (
        ("safety backup", 0.3),
        ("journal: planned", 0.0),
        ("journal: files in place", 0.0),
        ("journal: files in place", 0.7),
        ("journal: recovered", 0.0),
        ("a full backup of", 0.0),
        ("journal: backed up", 0.0),
    )

    def __init__(self, made: Sets) -> None:
        self.made = made
        self.begun = datetime.now(UTC)
        self.moments: list[datetime] = []

    @abstractmethod
    def write(self, draw: Any) -> str:
        """Change something, and say what."""

    @abstractmethod
    def rows(self, platform: Platform) -> Rows:
        """What is there, in the live store or a restored one."""

    @property
    @abstractmethod
    def now(self) -> Rows:
        """What the model says is there."""

    @abstractmethod
    def known(self) -> list[str]:
        """The sets that the model knows."""

    @abstractmethod
    def learn(self) -> None:
        """Sets that came about show what is live now."""

    @abstractmethod
    def expected(self, target: Target, *, before: set[str] | None = None) -> set[Rows]:
        """What a restore may give back; nothing where it must be refused. `before` are the sets that were there when it was asked."""

    @abstractmethod
    def gone_back(self, target: Target, before: set[str], began: datetime) -> None:
        """The store was restored onto itself."""

    @abstractmethod
    def forget(self, kept: set[str]) -> None:
        """Sets that were pruned."""

    def owed(self) -> bool:
        """Whether the next set has to be a full one, whatever is asked for."""
        begun = Journal(self.made.folder).read()
        return bool(begun and begun.owes_full)

    def untouched(self, mark: Any) -> bool:  # noqa: ARG002 - PostgreSQL's has use for it
        """Whether a restore that was killed had not begun. `mark` is what `mark` said before."""
        return Journal(self.made.folder).read() is None

    def mark(self) -> Any:
        """What tells later whether the store was promoted meanwhile."""
        return None

    def fresh(self, before: set[str]) -> list[Manifest]:
        """Sets that came about since."""
        return [
            manifest
            for manifest in folders.list_sets(folder=self.made.folder)
            if manifest.id not in before and self.store in manifest.stores
        ]


class Relational(Story):
    """PostgreSQL: rows, and a log that goes on in a new timeline with each live restore."""

    store: Store = "postgres"
    refusal = r"is from before|for every set that"
    backup_stages = (
        ("physical backup", 0.4),
        ("reference point", 0.0),
        ("waiting for the log", 0.0),
        ("hashing the repository", 0.0),
        ("writing the manifest", 0.0),
    )
    restore_stages = (*Story.restore_stages, ("restoring postgres", 0.7), ("journal: promoted", 0.0), ("a full backup of", 0.8))

    def __init__(self, made: Sets) -> None:
        super().__init__(made)
        empty = ["psql", "-X", "-U", "postgres", "-d", DATABASE, "-c", "delete from market_data where symbol like 'R%'"]
        execute(made.platform.containers["timescaledb"], empty)
        self.model = Model(Branch([(datetime.now(UTC), frozenset())]))

    def write(self, draw: Any) -> str:  # noqa: ARG002 - there is nothing to choose
        name = f"R{next(_NUMBERS)}"
        with postgres(self.made.platform, "ingest") as connection:
            connection.execute("insert into market_data (symbol, timestamp, open) values (%s, now(), 1)", (name,))
        self.model.write(name, datetime.now(UTC))
        # A moment between two writes, to go back to.
        self.moments.append(datetime.now(UTC))
        return name

    def rows(self, platform: Platform) -> Rows:
        with postgres(platform, "backup") as connection:
            return frozenset(row[0] for row in connection.execute("select symbol from market_data where symbol like 'R%'").fetchall())

    @property
    def now(self) -> Rows:
        return self.model.live.now

    def known(self) -> list[str]:
        return sorted(self.model.made)

    def learn(self) -> None:
        for each in self.fresh(set(self.model.made)):
            assert each.postgres
            self.model.add(each.id, each.postgres.reference_point.at)

    def expected(self, target: Target, *, before: set[str] | None = None) -> set[Rows]:  # noqa: ARG002 - the latest is a line's end
        if isinstance(target, str):
            return {self.model.made[target].now}
        if target is None:
            return {self.model.live.now}
        return {self.model.live.at(target)} if self.model.reachable(target) else set()

    def gone_back(self, target: Target, before: set[str], began: datetime) -> None:  # noqa: ARG002 - states are known by their end
        now = live_log.ask(self.made.platform)
        assert now
        for each in self.fresh(before):
            # Of the line that was left.
            if each.postgres and each.postgres.timeline < now.timeline:
                self.model.add(each.id, each.postgres.reference_point.at)
        self.model.go_back(target)
        self.model.live.states.append((datetime.now(UTC), self.model.live.now))
        self.learn()

    def forget(self, kept: set[str]) -> None:
        self.model.forget(kept)

    def owed(self) -> bool:
        every = folders.list_sets(folder=self.made.folder)
        return judge_timeline(live_log.ask(self.made.platform), every, None).status == "critical"

    def mark(self) -> Any:
        return live_log.ask(self.made.platform)

    def untouched(self, mark: Any) -> bool:
        now = live_log.ask(self.made.platform)
        return super().untouched(mark) and bool(now and mark and now.timeline == mark.timeline)


class _WithoutLines(Story):
    """What Redis and Weaviate have in common."""

    def __init__(self, made: Sets) -> None:
        super().__init__(made)
        now = datetime.now(UTC)
        self.model = Copies([(now, now, self.rows(made.platform))])

    @property
    def now(self) -> Rows:
        return self.model.now

    def known(self) -> list[str]:
        return sorted(self.model.made)

    def learn(self) -> None:
        for each in self.fresh(set(self.model.made)):
            self._add(each, self.model.now)

    def _add(self, each: Manifest, rows: Rows) -> None:
        self.model.made[each.id] = Copy(each.moments()[self.store], rows, each.redis.aof_from if each.redis else None)

    def expected(self, target: Target, *, before: set[str] | None = None) -> set[Rows]:
        if target is not None or before is None:
            return self.model.expected(target)
        known = {name: each for name, each in self.model.made.items() if name in before}
        return Copies(self.model.states, known).expected(None)

    def gone_back(self, target: Target, before: set[str], began: datetime) -> None:
        for each in self.fresh(before):
            assert each.stores == (self.store,)
            if each.kind == "incremental":
                self._add(each, self.model.now)  # the safety set: what was thrown away
        found = self.rows(self.made.platform)
        assert found in self.expected(target, before=before), (found, self.expected(target, before=before))
        self.model.change(began, datetime.now(UTC), found)
        self.learn()

    def forget(self, kept: set[str]) -> None:
        self.model.forget(kept)

    def _changed(self, began: datetime, rows: Rows) -> None:
        self.model.change(began, datetime.now(UTC), rows)
        self.moments.append(datetime.now(UTC))


class Keys(_WithoutLines):
    """Redis: keys that are set, overwritten and deleted, and a log that can be cut off at a second and is rewritten now and then."""

    store: Store = "redis"
    refusal = "no backup of Redis is from before"
    backup_stages = (("copying the log", 0.0), ("checking the copies", 0.2), ("writing the manifest", 0.0))

    def write(self, draw: Any) -> str:
        began, deed = datetime.now(UTC), str(draw(("set", "set", "delete", "rewrite")))
        if deed == "rewrite":
            rewrite_log(self.made.platform)
            return deed
        name = f"session:history-{draw(range(6))}"
        left = {row for row in self.now if not row.startswith(f"{name}=")}
        with redis_client(self.made.platform, "api") as client:
            if deed == "delete":
                client.delete(name)
                self._changed(began, frozenset(left))
            else:
                value = str(next(_NUMBERS))
                client.hset(name, mapping={"user_id": value})
                client.expire(name, timedelta(hours=20))
                self._changed(began, frozenset({*left, f"{name}={value}"}))
        return f"{deed} {name}"

    def rows(self, platform: Platform) -> Rows:
        with redis_client(platform, "api") as client:
            return frozenset(f"{name!s}={client.hget(str(name), 'user_id')!s}" for name in client.scan_iter(match="session:history-*"))


class Objects(_WithoutLines):
    """Weaviate: objects that are inserted, replaced and deleted. It has no log: each set shows one moment."""

    store: Store = "weaviate"
    refusal = "no backup of Weaviate is from before"
    backup_stages = (("incremental backup", 0.3), ("copying it out", 0.0), ("writing the manifest", 0.0))

    def write(self, draw: Any) -> str:
        began, deed = datetime.now(UTC), draw(("set", "set", "delete"))
        number = draw(range(6))
        name, uuid = f"docs/history-{number}.md", UUID(int=number + 1)
        left = {row for row in self.now if not row.startswith(f"{name}=")}
        there = len(left) < len(self.now)
        with weaviate_client(self.made.platform, "indexer") as client:
            store = client.collections.use(DOCUMENTS).data
            if deed == "delete":
                store.delete_by_id(uuid)
                self._changed(began, frozenset(left))
            else:
                value = str(next(_NUMBERS))
                properties, vector = {"content": value, "file_path": name}, [float(value), 1.0, 0.5, 0.25]
                if there:
                    store.replace(uuid=uuid, properties=properties, vector=vector)
                else:
                    store.insert(uuid=uuid, properties=properties, vector=vector)
                self._changed(began, frozenset({*left, f"{name}={value}"}))
        return f"{deed} {name}"

    def rows(self, platform: Platform) -> Rows:
        with weaviate_client(platform, "indexer") as client:
            every = [each.properties for each in client.collections.use(DOCUMENTS).iterator()]
        return frozenset(f"{each['file_path']}={each['content']}" for each in every if "history" in str(each["file_path"]))


STORIES: dict[Store, type[Story]] = {"postgres": Relational, "redis": Keys, "weaviate": Objects}
