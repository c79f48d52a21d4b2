"""Redis' commands as the matrix tries them: what each does to its key, and how it is tried so that nothing is left behind.

A command is tried for real by the account where an allowed try changes nothing; else the server is asked by ACL DRYRUN, and only where
that says no is it tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from christmas.blueprint.keyspace_model import Keyspace, ValueType
from christmas.blueprint.keyspaces_and_ttls import keyspace

NO_KEYSPACE = "(no keyspace)"
"""Stands for every key that no keyspace could have made."""
TOO_BIG = "write a value over 1 MiB"
_SECONDS = "2000"  # milliseconds that a key of the trial lives, where one is written
_BIG = "x" * 20_000  # more than any keyspace's bound, less than the server's


class Touch(StrEnum):
    """What a command does to its key, as Redis' ACL sees it (`key_specs` in COMMAND DOCS). Neither: it only asks for type or length."""

    READ = "read"
    WRITE = "write"


_NEITHER: frozenset[Touch] = frozenset()
_READ = frozenset({Touch.READ})
_WRITE = frozenset({Touch.WRITE})
_BOTH = _READ | _WRITE


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """A command on one key. `arguments` has `{key}` for it; `kinds` are the value types that it is for, none for all.

    `harmless`: a try that is let through changes nothing, or a key of the trial's own that expires by itself.
    """

    action: str
    word: str
    arguments: tuple[str, ...]
    touches: frozenset[Touch]
    harmless: bool = False
    kinds: tuple[ValueType, ...] = ()

    def fits(self, name: str) -> bool:
        """Whether it is tried on the keys of that keyspace."""
        return not self.kinds or (ValueType.STRING if name == NO_KEYSPACE else keyspace(name).value_type) in self.kinds


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """A command without a key. If it is `harmless`, a command with these `arguments` changes nothing even if it is allowed."""

    action: str
    arguments: tuple[str, ...] = ()
    harmless: bool = True
    channel: bool = False
    scripting: bool = False

    @property
    def word(self) -> str:
        """The command as the ACL names it: `config|get`."""
        return self.action.replace(" ", "|")


_S, _H = (ValueType.STRING,), (ValueType.HASH,)

ON_KEYS: tuple[KeyCommand, ...] = (
    KeyCommand("read", "get", ("{key}",), _READ, harmless=True, kinds=_S),
    KeyCommand("read", "hgetall", ("{key}",), _READ, harmless=True, kinds=_H),
    KeyCommand("read one field", "hget", ("{key}", "none"), _READ, harmless=True, kinds=_H),
    KeyCommand("read a part", "getrange", ("{key}", "0", "1"), _READ, harmless=True, kinds=_S),
    KeyCommand("read its serialized form", "dump", ("{key}",), _READ, harmless=True),
    KeyCommand("sort", "sort", ("{key}",), _READ, harmless=True),
    KeyCommand("ask its type", "type", ("{key}",), _NEITHER, harmless=True),
    KeyCommand("ask its length", "strlen", ("{key}",), _NEITHER, harmless=True, kinds=_S),
    KeyCommand("ask its length", "hlen", ("{key}",), _NEITHER, harmless=True, kinds=_H),
    KeyCommand("ask its memory", "memory|usage", ("{key}",), _NEITHER, harmless=True),
    KeyCommand("watch", "watch", ("{key}",), _NEITHER, harmless=True),
    KeyCommand("read its expiry", "pttl", ("{key}",), _READ, harmless=True),
    KeyCommand("write with an expiry", "set", ("{key}", "0", "px", _SECONDS), _WRITE, harmless=True, kinds=_S),
    KeyCommand(
        "write fields with an expiry", "hsetex", ("{key}", "px", _SECONDS, "fields", "1", "none", "0"), _WRITE, harmless=True, kinds=_H
    ),
    # These would leave keys that never go: only the server's word is taken where it lets them.
    KeyCommand("write without an expiry", "set", ("{key}", "0"), _WRITE, kinds=_S),
    KeyCommand("write without an expiry", "hset", ("{key}", "none", "0"), _WRITE, kinds=_H),
    KeyCommand("write more than its bound", "set", ("{key}", _BIG, "px", _SECONDS), _WRITE, kinds=_S),
    KeyCommand("write more than its bound", "hset", ("{key}", "none", _BIG), _WRITE, kinds=_H),
    KeyCommand("count", "incr", ("{key}",), _BOTH, kinds=_S),
    KeyCommand("count", "hincrby", ("{key}", "none", "1"), _BOTH, kinds=_H),
    KeyCommand("write and forget the expiry", "getset", ("{key}", "0"), _BOTH, kinds=_S),
    KeyCommand("append", "append", ("{key}", "0"), _WRITE, kinds=_S),
    KeyCommand("write another type", "lpush", ("{key}", "0"), _WRITE),
    KeyCommand("write a serialized form", "restore", ("{key}", "0", "none"), _WRITE, harmless=True),
    KeyCommand("set its expiry", "pexpire", ("{key}", _SECONDS), _WRITE, harmless=True),
    KeyCommand("take its expiry away", "persist", ("{key}",), _WRITE),
    KeyCommand("rename", "rename", ("{key}", "{key}"), _BOTH),
    KeyCommand("copy", "copy", ("{key}", "{key}"), _BOTH),
    KeyCommand("remove", "unlink", ("{key}",), _WRITE, harmless=True),
    KeyCommand("remove a field", "hdel", ("{key}", "none"), _WRITE, harmless=True, kinds=_H),
)

_NONE = "christmas-proof"
ON_THE_SERVER: tuple[ServerCommand, ...] = (
    ServerCommand("ping"),
    ServerCommand("multi", harmless=False),
    ServerCommand("scan", ("0", "count", "1")),
    ServerCommand("keys", (_NONE,), harmless=False),
    ServerCommand("randomkey"),
    ServerCommand("dbsize"),
    ServerCommand("info", ("server",)),
    ServerCommand("config get", ("maxmemory",)),
    ServerCommand("config set", (_NONE, "0")),
    ServerCommand("config resetstat", harmless=False),
    ServerCommand("config rewrite", harmless=False),
    ServerCommand("acl list"),
    ServerCommand("acl getuser", ("default",)),
    ServerCommand("acl users"),
    ServerCommand("acl log", ("0",)),
    ServerCommand("acl setuser", (_NONE, "no-rule")),
    ServerCommand("acl deluser", (_NONE,)),
    ServerCommand("acl load", harmless=False),
    ServerCommand("acl save", harmless=False),
    ServerCommand("acl dryrun", ("default", "ping")),
    ServerCommand("acl whoami"),
    ServerCommand("client id"),
    ServerCommand("client list"),
    ServerCommand("client kill", ("id", "0")),
    ServerCommand("client pause", ("0",), harmless=False),
    ServerCommand("client unblock", ("0",)),
    ServerCommand("monitor", harmless=False),
    ServerCommand("slowlog get", ("0",)),
    ServerCommand("slowlog len"),
    ServerCommand("slowlog reset", harmless=False),
    ServerCommand("latency latest"),
    ServerCommand("latency reset", (_NONE,)),
    ServerCommand("memory doctor"),
    ServerCommand("memory purge", harmless=False),
    ServerCommand("shutdown", ("abort",)),
    ServerCommand("flushall", ("no-such-word",)),
    ServerCommand("flushdb", ("no-such-word",)),
    ServerCommand("swapdb", ("0", "0")),
    ServerCommand("save", harmless=False),
    ServerCommand("bgsave", ("no-such-word",)),
    ServerCommand("bgrewriteaof", harmless=False),
    ServerCommand("lastsave"),
    ServerCommand("sync", harmless=False),
    ServerCommand("psync", ("?", "-1"), harmless=False),
    ServerCommand("replconf", harmless=False),
    ServerCommand("replicaof", ("no", "one")),
    ServerCommand("failover", ("abort",)),
    ServerCommand("module list"),
    ServerCommand("function list", scripting=True),
    ServerCommand("function load", ("none",), scripting=True),
    ServerCommand("script exists", ("0",), scripting=True),
    ServerCommand("script flush", scripting=True, harmless=False),
    ServerCommand("eval", ("return 1", "0"), scripting=True),
    ServerCommand("evalsha", ("0", "0"), scripting=True),
    ServerCommand("fcall", (_NONE, "0"), scripting=True),
    ServerCommand("publish", (_NONE, "0"), channel=True),
    ServerCommand("subscribe", (_NONE,), channel=True, harmless=False),
    ServerCommand("psubscribe", (_NONE + "*",), channel=True, harmless=False),
    ServerCommand("migrate", ("127.0.0.1", "1", _NONE, "0", "1"), harmless=False),
    ServerCommand("wait", ("0", "1")),
)


def key_of(name: str) -> str:
    """The one key of a keyspace that is tried: what an application can't have made, and always the same."""
    if name == NO_KEYSPACE:
        return _NONE
    declared: Keyspace = keyspace(name)
    return declared.key("0" * 64) if declared.hashed else declared.key(_NONE)
