"""Brings the schema to a revision, reports its state, and starts a new revision."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import PlatformError
from core.progress import Progress, SilentProgress
from migrations.chain import require_sound
from migrations.edition import Edition, detect
from migrations.profile_sealing import ATTRIBUTE as FIELD_KEYS
from migrations.queries import current_revision
from migrations.statements import FOLDER

if TYPE_CHECKING:
    import psycopg
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from infra.connections import Platform

_HERE = Path(__file__).resolve().parent
ACCOUNT = "migrator"
ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """A database's state: `current` None before the first migration; `pending` is oldest first."""

    current: str | None
    head: str
    pending: tuple[str, ...]
    edition: Edition

    @property
    def at_head(self) -> bool:
        """Whether nothing is left to apply."""
        return self.current == self.head

    def as_dict(self) -> dict[str, Any]:
        """The status for `--json`."""
        return {**asdict(self), "at_head": self.at_head}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run: the revisions that it applied or undid, in order, and the database's present revision."""

    verb: str
    revisions: tuple[str, ...]
    current: str | None

    def __str__(self) -> str:
        where = f"the schema is at {self.current or 'base'}"
        return f"{where}, {self.verb}: {', '.join(self.revisions)}" if self.revisions else f"{where}, nothing to do"


def configuration() -> Config:
    """Alembic's settings, built here so that no file is needed."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("version_locations", str(_HERE / "versions"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    return config


def head_revision() -> str:
    """The newest revision of this checkout. Raises PlatformError unless its revisions are a single chain."""
    return _scripts().get_current_head() or ""


def upgrade(platform: Platform, revision: str = "head", progress: Progress | None = None) -> Outcome:
    """Apply pending revisions up to `revision`, oldest first, then the blueprint's grants.

    Each revision is its own transaction. One that meets another session's lock is retried, with growing pauses.
    Raises PlatformError if a revision fails; it and the later ones are then not applied.
    """
    from infra.provider.grants import apply_grants

    progress = progress or SilentProgress()
    with session(platform, progress) as watcher:
        before = current_revision(watcher)
        _move(platform, watcher, "upgrade", revision, progress)
        progress.status("grants")
        with watcher.transaction():
            apply_grants(watcher)
        now = current_revision(watcher)
        return Outcome("applied", tuple(_between(before, now)), now)


def downgrade(platform: Platform, revision: str, progress: Progress | None = None) -> Outcome:
    """Undo down to `revision` ("base" for all, "-1" for the newest one), newest first.

    Raises PlatformError if one can't be undone; the later ones are then undone, it and the earlier ones are not.
    """
    progress = progress or SilentProgress()
    with session(platform, progress) as watcher:
        before = current_revision(watcher)
        _move(platform, watcher, "downgrade", revision, progress)
        now = current_revision(watcher)
        return Outcome("undone", tuple(reversed(_between(now, before))), now)


def status(platform: Platform) -> MigrationStatus:
    """The state of the platform's database.

    Raises PlatformError if it has a revision that this checkout doesn't know.
    """
    from infra.clients import postgres

    head = head_revision()
    with postgres(platform, ACCOUNT, autocommit=True) as connection:
        current = current_revision(connection)
        return MigrationStatus(current, head, tuple(_between(current, head)), detect(connection))


def new(message: str) -> tuple[Path, Path, Path]:
    """Start a revision after head: its Python file and two SQL files to fill in, up and down.

    Raises PlatformError for a message without a letter or digit.
    """
    from alembic import command

    # One line, without anything that would end the docstring that it becomes.
    message = re.sub(r"[\\\"]", "'", " ".join(message.split()))
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40].strip("_")
    if not slug:
        raise PlatformError(
            f"{message!r} can't become a file name", where="migrate.new", next_step="describe the change in a few plain words: a-z, 0-9"
        )
    config = configuration()
    number = f"{int(head_revision() or 0) + 1:04d}"
    name = f"{number}_{slug}"
    config.attributes["sql_name"] = name
    command.revision(config, message[:1].upper() + message[1:].rstrip("."), rev_id=number)
    up, down = FOLDER / f"{name}.up.sql", FOLDER / f"{name}.down.sql"
    up.write_text(f"-- {message}\n")
    down.write_text(f"-- Undoes: {message}\n")
    return next((_HERE / "versions").glob(f"r{number}_*.py")), up, down


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    require_sound(_HERE / "versions", FOLDER)
    return ScriptDirectory.from_config(configuration())


@contextmanager
def session(platform: Platform, progress: Progress) -> Iterator[psycopg.Connection]:
    """A session in autocommit that holds the migration lock, and that reads the state."""
    import psycopg
    from sqlalchemy.exc import OperationalError

    from migrations.locking import migration_lock

    try:
        with _connect(platform) as watcher:
            watcher.autocommit = True
            with migration_lock(watcher, progress):
                yield watcher
    except (psycopg.OperationalError, OperationalError) as error:
        cause = error.orig if isinstance(error, OperationalError) else error
        raise PlatformError(
            f"the database can't be used by account {ACCOUNT}: {str(cause).strip()}",
            where=f"stack {platform.stack}, timescaledb",
            next_step="check that the stack is up (`invoke check`), then migrate again",
        ) from error


def _connect(platform: Platform) -> psycopg.Connection:
    import psycopg

    from migrations.locking import application_name

    return psycopg.connect(platform.postgres_url(ACCOUNT), connect_timeout=10, application_name=application_name())


def _alembic(platform: Platform, verb: str, revision: str) -> None:
    """Run Alembic's `verb` to `revision` in a separate session."""
    import sqlalchemy
    from alembic import command
    from sqlalchemy.pool import NullPool

    config = configuration()
    config.attributes[FIELD_KEYS] = platform.field_keys
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: _connect(platform), poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        getattr(command, verb)(config, revision)


def _move(platform: Platform, watcher: psycopg.Connection, verb: str, revision: str, progress: Progress) -> None:
    """Run Alembic, again after a lock timeout: committed revisions stay, so it continues after them."""
    import psycopg
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError

    pause = _FIRST_PAUSE_SECONDS
    for attempt in range(1, ATTEMPTS + 1):
        try:
            progress.status(f"{verb} to {revision}")
            _alembic(platform, verb, revision)
        except CommandError as error:
            raise PlatformError(
                f"can't {verb} to {revision}: {error}", where="migrations/versions", next_step="invoke migrate.status shows the revisions"
            ) from error
        except (psycopg.Error, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if not isinstance(cause, psycopg.errors.LockNotAvailable):
                raise _refused(platform, verb, current_revision(watcher), cause) from error
            if attempt == ATTEMPTS:
                raise PlatformError(
                    f"a lock was not available in {ATTEMPTS} attempts;  the step after {current_revision(watcher) or 'base'} is not done",
                    where=f"stack {platform.stack}, timescaledb",
                    next_step="end the long transaction that holds the table (see pg_stat_activity), then migrate again",
                ) from error
            progress.log(f"a table is in use; attempt {attempt + 1} of {ATTEMPTS} in about {pause:.1f} s")
            # Random pauses, so that two runs that collided don't collide again.
            time.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311
            pause *= 2
        else:
            return


def _refused(platform: Platform, verb: str, revision: str | None, cause: BaseException | None) -> PlatformError:
    where = revision or "base"
    return PlatformError(
        f"{verb} failed after revision {where}: {str(cause).strip()}",
        where=f"stack {platform.stack}, timescaledb; the database is at {where}, the failed step left nothing behind",
        next_step="fix the cause, then migrate again",
    )


def _between(older: str | None, newer: str | None) -> list[str]:
    """The revisions after `older` up to `newer`, oldest first."""
    known = [script.revision for script in reversed(list(_scripts().walk_revisions()))]
    for revision in (older, newer):
        if revision is not None and revision not in known:
            raise PlatformError(
                f"the database is at revision {revision}, which this checkout doesn't know",
                where="migrations/versions",
                next_step="check out the version of the project that made it, or a newer one",
            )
    start = known.index(older) + 1 if older else 0
    end = known.index(newer) + 1 if newer else 0
    return known[start:end]
