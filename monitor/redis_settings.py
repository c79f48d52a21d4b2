"""Whether the Redis server's live settings are the blueprint's."""

from __future__ import annotations

import re

from christmas.blueprint.redis_policy import REDIS_POLICY
from infra import clients
from infra.connections import Platform
from monitor.result import Finding, ok, warning

ACCOUNT = "monitor"
_UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30}


def policy(platform: Platform) -> Finding:
    """The running server's settings are the declared ones."""
    with clients.redis_client(platform, ACCOUNT) as client:
        live = {name: str(client.config_get(name).get(name, "")) for name in (*REDIS_POLICY.fixed, *REDIS_POLICY.where_possible)}
    wrong = [f"{name} is {live[name]}, not {value}" for name, value in REDIS_POLICY.fixed.items() if not same(name, value, live[name])]
    if wrong:
        return warning("; ".join(wrong), "invoke up writes the configuration again; a restart undoes CONFIG SET", len(wrong), "settings")
    refused = [name for name, value in REDIS_POLICY.where_possible.items() if live[name] != value]
    without = f"; this build can't do {', '.join(refused)}" if refused else ""
    return ok(f"{len(REDIS_POLICY.fixed)} settings as declared{without}", len(REDIS_POLICY.fixed), "settings")


def same(name: str, declared: str, live: str) -> bool:
    """Whether the server's word for a setting means what is declared: it counts bytes, and calls a replica by its former name."""
    words = [_number(word) for word in declared.replace("replica", "slave").split()]
    present = [_number(word) for word in live.replace("replica", "slave").split()]
    if name != "client-output-buffer-limit":
        return words == present
    return {tuple(words[at : at + 4]) for at in range(0, len(words), 4)} <= {
        tuple(present[at : at + 4]) for at in range(0, len(present), 4)
    }


def _number(word: str) -> str:
    match = re.fullmatch(r"(\d+)(kb|mb|gb)", word)
    return str(int(match[1]) * _UNITS[match[2]]) if match else word
