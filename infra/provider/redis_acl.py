"""Redis' ACL from the blueprint: the same rules in the file that the server reads at its start and in the running server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from christmas.blueprint.keyspaces import keyspace
from christmas.blueprint.model import KeyAccess, RedisUser

_KEYS = {KeyAccess.READ: "%R~", KeyAccess.WRITE: "%W~", KeyAccess.READ_WRITE: "~"}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_RULE = re.compile(r"[^\s\"'\\()]+")
_SELECTOR = re.compile(rf"\({_RULE.pattern}(?: {_RULE.pattern})*\)")
# Scripts could reach what the key patterns forbid, and their engine had holes (CVE-2025-49844, CVE-2025-46818).
NO_SCRIPTS = "-@scripting"
NOTHING = ("resetchannels", "resetkeys", "-@all")
# `default` is off and has no password, so nobody can be it but Redis itself: it replays its log as `default`, and transactions in the
# log are checked against that user's rights. Without them they would be left out in silence, and with them what they wrote.
REPLAY = ("allchannels", "allkeys", "+@all", NO_SCRIPTS)


def password_sha256(password: str) -> str:
    """A password as Redis' ACL stores it."""
    return hashlib.sha256(password.encode()).hexdigest()


def redis_rules(user: RedisUser | None) -> tuple[str, ...]:
    """A user's ACL rules, without on/off and passwords. None stands for `default`, which nobody can log in as."""
    if user is None:
        return REPLAY
    patterns = {name: _KEYS[access] + keyspace(name).glob for name, access in user.keyspaces}
    keys = list(patterns.values())
    if user.every_key is not None:
        keys.append(_KEYS[user.every_key] + "*")
    channels = [f"&{pattern}" for pattern in user.channels]
    # Selectors begin with nothing: a command that only they name is refused on every other key.
    selectors = [
        f"({' '.join((*(patterns[name] for name in each.keyspaces), *(f'+{command}' for command in each.commands)))})" for each in user.only
    ]
    return (*NOTHING, *channels, *keys, *(f"+{command}" for command in user.commands), NO_SCRIPTS, *selectors)


def acl_line(name: str, rules: Sequence[str], password_hash: str | None) -> str:
    """One line of an ACL file, or the arguments of ACL SETUSER. Without a hash the user is off; never without a password.

    Raises ValueError for a name, rule or hash that could be more than one word, but for a selector: words in parentheses.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no plain user name")
    if broken := [rule for rule in rules if not (_RULE.fullmatch(rule) or _SELECTOR.fullmatch(rule))]:
        raise ValueError(f"user {name}: {broken[0]!r} is no single ACL rule")
    if password_hash is not None and not re.fullmatch(r"[0-9a-f]{64}", password_hash):
        raise ValueError(f"user {name}: the password's hash is no SHA-256 in hexadecimal")
    who = ("on", f"#{password_hash}") if password_hash else ("off", "resetpass")
    return " ".join(("user", name, *who, *rules))


def redis_acl_line(name: str, user: RedisUser | None, password_hash: str | None) -> str:
    """The ACL file's line of an account of the blueprint."""
    return acl_line(name, redis_rules(user), password_hash)
