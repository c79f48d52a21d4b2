"""What Redis lets an account do, learned from the server: by ACL DRYRUN, and by the account itself where a try changes nothing.

A refused try takes a place in ACL LOG. Only so many are made as there is room for, so that nobody else's entries are pushed out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from core.patience import patience
from infra import clients
from infra.connections import Platform
from security.matrix.cell import Answer, Cell, How, Learned
from security.matrix.redis_commands import ON_KEYS, ON_THE_SERVER, TOO_BIG, KeyCommand, ServerCommand, key_of

if TYPE_CHECKING:
    import redis

KEEPER = "admin"
"""Who asks what others may."""
RESERVED = 64
"""Places in ACL LOG that stay for others."""
_TOO_BIG_BYTES = 2**20 + 1
_NO_PERMISSION = ("NOPERM", "no permissions to")
_OUT_OF_REACH = re.compile(r"access the '.*' (?:key|channel)|keys? used as arguments|channels? used as arguments")
_SERVER = {command.action: command for command in ON_THE_SERVER}


@dataclass(slots=True)
class Denials:
    """What was denied to an account for real, each with what ACL LOG has to name: the command or the key."""

    expected: list[tuple[Cell, str]] = field(default_factory=list)


Span = tuple[datetime, datetime]


def room(platform: Platform, own: Sequence[Span]) -> int:
    """How many entries ACL LOG can take before it forgets one of somebody's; those of trials, made in the spans `own`, may go."""
    with clients.redis_client(platform, KEEPER) as client:
        most = int(client.config_get("acllog-max-len")["acllog-max-len"] or 0)
        entries: Any = client.acl_log(most)
    return max(0, most - len(entries) + forgettable(entries, own) - RESERVED)


def forgettable(entries: Sequence[Mapping[str, Any]], own: Sequence[Span]) -> int:
    """How many of the oldest entries, which stand last, are of trials. Pure."""
    count = 0
    for entry in reversed(entries):
        logged_at = datetime.fromtimestamp(int(entry.get("timestamp-created", 0)) / 1000, UTC)
        if not any(begin <= logged_at <= end for begin, end in own):
            break
        count += 1
    return count


def learn(platform: Platform, account: str, cells: Sequence[Cell], places: int, denials: Denials) -> dict[Cell, Learned]:
    """Try every cell of an account; what was denied to itself, `places` at most, is added to `denials`.

    Raises redis.RedisError or OSError where the server doesn't answer.
    """
    words = {cell: _words(cell) for cell in cells if cell.action != TOO_BIG}
    with clients.redis_client(platform, KEEPER) as keeper, clients.redis_client(platform, account) as client:
        learned_cells = dict(zip(words, _dry(keeper, account, words.values()), strict=True))
        for cell, arguments in words.items():
            entry = _logged_as(cell, arguments, learned_cells[cell])
            if learned_cells[cell].answer is Answer.DENIED:
                # Redis counts a second refusal to the first only where few came between.
                if places < 1:
                    continue
                places -= 1
            elif not _is_harmless(cell):
                continue
            dry, learned_cells[cell] = learned_cells[cell], _real(client, arguments)
            if learned_cells[cell].answer is Answer.DENIED:
                denials.expected.append((cell, entry))
            if dry.answer is not learned_cells[cell].answer and learned_cells[cell].answer in (Answer.ALLOWED, Answer.DENIED):
                learned_cells[cell] = Learned(
                    Answer.MIXED, How.TRIED, f"ACL DRYRUN says {dry.answer}, the server {learned_cells[cell].answer}"
                )
        for cell in cells:
            if cell.action == TOO_BIG:
                learned_cells[cell] = _too_big(platform, account, cell)
        with contextlib.suppress(Exception):
            keeper.unlink(*{key_of(cell.name) for cell in cells if cell.kind == "keyspace"})
    return learned_cells


def _words(cell: Cell) -> tuple[str, ...]:
    """The command of a cell, word by word."""
    if cell.kind == "keyspace":
        command = _key_command(cell)
        return (*command.word.split("|"), *(argument.replace("{key}", key_of(cell.name)) for argument in command.arguments))
    server: ServerCommand = _SERVER[cell.action]
    return (*server.action.split(" "), *server.arguments)


def _key_command(cell: Cell) -> KeyCommand:
    return next(key for key in ON_KEYS if key.action == cell.action and key.fits(cell.name))


def _is_harmless(cell: Cell) -> bool:
    return _key_command(cell).harmless if cell.kind == "keyspace" else _SERVER[cell.action].harmless


def _dry(keeper: redis.Redis, account: str, commands: Iterable[tuple[str, ...]]) -> list[Learned]:
    """What the server says of commands without running them."""
    pipeline = keeper.pipeline(transaction=False)
    for words in commands:
        pipeline.execute_command("ACL DRYRUN", account, *words)  # type: ignore[no-untyped-call]
    return [_judged(answer, How.LISTED) for answer in pipeline.execute(raise_on_error=False)]


def _judged(answer: Any, how: How) -> Learned:
    said = str(answer)
    if any(sign in said for sign in _NO_PERMISSION):
        return Learned(Answer.DENIED, how, said)
    if isinstance(answer, Exception):
        return refused(answer, how)
    return Learned(Answer.ALLOWED, how)


def refused(error: Exception, how: How = How.TRIED) -> Learned:
    """What an error means: a denial, a server that has no such command, or one that was let through and failed after that. Pure."""
    import redis as driver

    said = " ".join(str(error).split())[:200]
    if isinstance(error, driver.exceptions.NoPermissionError) or any(sign in said for sign in _NO_PERMISSION):
        return Learned(Answer.DENIED, how, said)
    if "unknown command" in said or "unknown subcommand" in said:
        return Learned(Answer.ABSENT, how, said)
    # LOADING is connection trouble to the library. Every other shortage is reported by the server after it has checked the rights.
    if isinstance(error, driver.ConnectionError | driver.TimeoutError | OSError):
        return Learned(Answer.UNKNOWN, how, said)
    return Learned(Answer.ALLOWED, how, said)


def _real(client: redis.Redis, arguments: tuple[str, ...]) -> Learned:
    """Run a command as the account. A client of its own for each would hide what a connection is left with; so it is one for all."""
    import redis as driver

    try:
        connection = client.connection_pool.get_connection()
        try:
            connection.send_command(*arguments)  # type: ignore[no-untyped-call]
            connection.read_response()
        finally:
            client.connection_pool.release(connection)
    except (driver.RedisError, OSError) as error:
        return refused(error)
    return Learned(Answer.ALLOWED)


def _too_big(platform: Platform, account: str, cell: Cell) -> Learned:
    """Announce a value that is too big, as a write to the key. The server refuses it by its announced length, whoever it is."""
    import redis as driver

    key = key_of(cell.name).encode()
    head = b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n" % (len(key), key, _TOO_BIG_BYTES)
    with clients.redis_client(platform, account) as client:
        connection = client.connection_pool.get_connection()
        try:
            connection.send_packed_command([head], check_health=False)  # type: ignore[no-untyped-call]
            if not connection.can_read(timeout=patience(2.0)):
                # It waits for the value.
                return Learned(Answer.ALLOWED, How.TRIED, "the server waits for a value of more than 1 MiB")
            connection.read_response()
        except driver.ResponseError as error:
            return Learned(Answer.DENIED if "Protocol error" in str(error) else Answer.ALLOWED, How.TRIED, str(error))
        except (driver.RedisError, OSError) as error:
            return refused(error)
        finally:
            connection.disconnect()  # type: ignore[no-untyped-call]
    return Learned(Answer.ALLOWED)


def _logged_as(cell: Cell, words: tuple[str, ...], learned: Learned) -> str:
    """What ACL LOG names for a refusal: the forbidden key or channel, otherwise the command."""
    if _OUT_OF_REACH.search(learned.said):
        return key_of(cell.name) if cell.kind == "keyspace" else words[1]
    return _key_command(cell).word if cell.kind == "keyspace" else _SERVER[cell.action].word


def unlogged(entries: Sequence[Mapping[str, Any]], account: str, denials: Denials, seconds: float) -> list[Cell]:
    """Denials of the last `seconds` that ACL LOG has no entry for. Pure."""
    logged = {str(entry["object"]) for entry in entries if str(entry["username"]) == account and float(entry["age-seconds"]) <= seconds}
    return [cell for cell, entry in denials.expected if entry not in logged]
