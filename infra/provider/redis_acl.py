"""Redis' ACL from the blueprint: the same rules for the file that the server reads at its start and for the running server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from christmas.blueprint.keyspaces_and_ttls import keyspace
from christmas.blueprint.model import KeyAccess, RedisUser

_KEYS = {KeyAccess.READ: "%R~", KeyAccess.WRITE: "%W~", KeyAccess.READ_WRITE: "~"}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_RULE = re.compile(r"[^\s\"'\\()]+")
_SELECTOR = re.compile(rf"\({_RULE.pattern}(?: {_RULE.pattern})*\)")
# Scripts could get around the key patterns, and the engine had vulnerabilities (CVE-2025-49844, CVE-2025-46818).
NO_SCRIPTS = "-@scripting"
NOTHING = ("resetchannels", "resetkeys", "-@all")
# `default` is off and has no password, so only Redis itself can act as it: it replays its log as `default`, and checks transactions in
# the log against that user's rights. Without rights it would silently skip them, and lose their writes.
REPLAY = ("allchannels", "allkeys", "+@all", NO_SCRIPTS)


def password_sha256(password: str) -> str:
    """A password's hash in Redis' ACL form."""
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
    # A selector starts without rights: its commands are refused on every other key.
    selectors = [
        f"({' '.join((*(patterns[name] for name in selector.keyspaces), *(f'+{command}' for command in selector.commands)))})"
        for selector in user.only
    ]
    return (*NOTHING, *channels, *keys, *(f"+{command}" for command in user.commands), NO_SCRIPTS, *selectors)


def acl_line(name: str, rules: Sequence[str], password_hash: str | None, former_hash: str | None = None) -> str:
    """One line of an ACL file, or the arguments of ACL SETUSER. Without a hash the user is off; a password is always required.

    `former_hash` is of a password that is taken too.

    Raises ValueError for a name, rule or hash that is not a single word, except for a selector: words in parentheses.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a plain user name")
    if broken := [rule for rule in rules if not (_RULE.fullmatch(rule) or _SELECTOR.fullmatch(rule))]:
        raise ValueError(f"user {name}: {broken[0]!r} is not a single ACL rule")
    hashes = [digest for digest in (password_hash, former_hash) if digest is not None]
    if not all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in hashes):
        raise ValueError(f"user {name}: the password's hash is not a SHA-256 in hexadecimal")
    who = ("on", *(f"#{digest}" for digest in hashes)) if password_hash else ("off", "resetpass")
    return " ".join(("user", name, *who, *rules))


def redis_acl_line(name: str, user: RedisUser | None, password_hash: str | None, former_hash: str | None = None) -> str:
    """The ACL file's line for an account of the blueprint."""
    return acl_line(name, redis_rules(user), password_hash, former_hash)
