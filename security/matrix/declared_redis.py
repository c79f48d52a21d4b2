"""What the blueprint lets a Redis account do. How commands touch keys is Redis' own and stands in `redis_commands`."""

from __future__ import annotations

from collections.abc import Iterator

from christmas.blueprint.keyspaces_and_ttls import KEYSPACES
from christmas.blueprint.model import BlueprintError, KeyAccess, RedisUser
from security.matrix.redis_commands import NO_KEYSPACE, ON_KEYS, ON_THE_SERVER, TOO_BIG, Touch

Right = tuple[str, str, str, bool]
_GIVES = {KeyAccess.READ: {Touch.READ}, KeyAccess.WRITE: {Touch.WRITE}, KeyAccess.READ_WRITE: {Touch.READ, Touch.WRITE}}


def rights(user: RedisUser) -> Iterator[Right]:
    """Kind, name and action of everything that can be allowed, and whether it is."""
    for name in (*(keyspace.name for keyspace in KEYSPACES), NO_KEYSPACE):
        for on_key in ON_KEYS:
            if on_key.fits(name):
                yield "keyspace", name, on_key.action, may(user, on_key.word, on_key.touches, name)
        # The server takes no value of that size from anybody (christmas/blueprint/redis_policy.py).
        yield "keyspace", name, TOO_BIG, False
    for command in ON_THE_SERVER:
        if command.channel:
            yield "server", "", command.action, bool(user.channels) and _runs(user.commands, command.word)
        else:
            yield "server", "", command.action, _runs(user.commands, command.word) and not command.scripting


def may(user: RedisUser, word: str, touches: frozenset[Touch], keyspace: str) -> bool:
    """Whether a user may run a command that touches keys of a keyspace so; a keyspace of no name stands for all other keys."""
    gives = _GIVES[user.every_key] if user.every_key else set[Touch]()
    reach = user.every_key is not None
    patterns = dict(user.keyspaces)
    if keyspace in patterns:
        # One pattern has to give all that a command needs.
        gives, reach = (_GIVES[patterns[keyspace]] if touches <= _GIVES[patterns[keyspace]] else gives), True
    if not reach or not touches <= gives:
        return False
    return _runs(user.commands, word) or any(keyspace in only.keyspaces and word in only.commands for only in user.only)


def _runs(commands: tuple[str, ...], word: str) -> bool:
    """Whether a list of commands and categories has this one."""
    if word in commands or word.partition("|")[0] in commands:
        return True
    categories = {command for command in commands if command.startswith("@")}
    # Every command has one of these two categories; for other commands the name does not say which.
    if {"@slow", "@fast"} <= categories:
        return True
    if categories:
        raise BlueprintError(f"the access matrix doesn't know which commands are in {sorted(categories)}")
    return False
