"""Whatever command Redis has: account `app` may run it, or docs/applications.md says what to write in its place."""

from __future__ import annotations

import re

import redis

from christmas.blueprint.accounts import account
from infra.connections import ROOT

PAGE = (ROOT / "docs" / "applications.md").read_text("utf-8").split("### Redis")[1].split("### Weaviate")[0]


def test_every_command_is_allowed_or_told(admin: redis.Redis) -> None:
    user = account("app").redis
    assert user is not None
    allowed = {*user.commands, *(command for each in user.only for command in each.commands)}
    known = {str(name).lower() for name in admin.command_list()}
    # `client` alone is no command where there is a `client|id`.
    commands = known - {name.partition("|")[0] for name in known if "|" in name}
    first = " ".join(row.split("|")[1] for row in PAGE.splitlines() if row.startswith("| `"))
    told = {word.lower() for word in re.findall(r"`([A-Z]+)`", first)}
    groups = re.findall(r"`@([a-z]+)`", first)
    assert len(groups) > 10
    for group in groups:
        told |= {str(name).lower() for name in admin.execute_command("ACL", "CAT", group)}
    assert allowed <= known
    assert len(commands - allowed) > 200
    assert sorted(name for name in commands - allowed if name not in told and name.partition("|")[0] not in told) == []
