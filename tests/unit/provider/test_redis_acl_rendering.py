from __future__ import annotations

import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import BlueprintError, KeyAccess, KeyspaceCommands, RedisUser
from infra.provider.redis_acl import acl_line, password_sha256, redis_acl_line, redis_rules

HASH = "0" * 64


@pytest.mark.parametrize(
    ("user", "rules"),
    [
        # Nobody can be `default`: what it may do serves the server's own replay of its log.
        (None, ("allchannels", "allkeys", "+@all", "-@scripting")),
        (
            RedisUser(keyspaces=(("session", KeyAccess.READ_WRITE),), commands=("get", "config|get")),
            ("resetchannels", "resetkeys", "-@all", "~session:*", "+get", "+config|get", "-@scripting"),
        ),
        (
            RedisUser(keyspaces=(("market_latest", KeyAccess.READ), ("rate_limit", KeyAccess.WRITE)), commands=("hget",)),
            ("resetchannels", "resetkeys", "-@all", "%R~market:*:latest", "%W~rate_limit:*", "+hget", "-@scripting"),
        ),
        (
            RedisUser(every_key=KeyAccess.READ, commands=("@read",), channels=("news.*",)),
            ("resetchannels", "resetkeys", "-@all", "&news.*", "%R~*", "+@read", "-@scripting"),
        ),
        (
            RedisUser(
                keyspaces=(("session", KeyAccess.READ_WRITE), ("market_latest", KeyAccess.READ)),
                commands=("ttl",),
                only=(KeyspaceCommands(("session", "market_latest"), ("hget",)), KeyspaceCommands(("session",), ("hset", "hdel"))),
            ),
            (
                *("resetchannels", "resetkeys", "-@all", "~session:*", "%R~market:*:latest", "+ttl", "-@scripting"),
                *("(~session:* %R~market:*:latest +hget)", "(~session:* +hset +hdel)"),
            ),
        ),
    ],
)
def test_rules_of_a_user(user: RedisUser | None, rules: tuple[str, ...]) -> None:
    assert redis_rules(user) == rules


def test_a_user_without_password_is_off_and_never_without_need_of_one() -> None:
    assert redis_acl_line("default", None, None) == "user default off resetpass allchannels allkeys +@all -@scripting"
    assert acl_line("api", ["+get"], HASH) == f"user api on #{HASH} +get"
    former = password_sha256("the former one")
    assert acl_line("api", ["+get"], HASH, former) == f"user api on #{HASH} #{former} +get"
    assert redis_acl_line("default", None, HASH, former).startswith(f"user default on #{HASH} #{former} ")
    assert acl_line("api", ["+get"], None, former) == "user api off resetpass +get"


def test_no_account_of_the_blueprint_runs_scripts_or_goes_without_a_password() -> None:
    for account in ACCOUNTS:
        if account.redis:
            words = redis_acl_line(account.name, account.redis, password_sha256("x")).split()
            assert "-@scripting" in words
            assert not [word for word in words[words.index("-@scripting") :] if word.strip("()").startswith("+@")]
            assert "nopass" not in words
            assert "+@all" not in words
            assert words[2] == "on"


@pytest.mark.parametrize(
    ("name", "rules", "hash_"),
    [
        ("two words", [], HASH),
        ("", [], HASH),
        ("api", ["+get +set"], HASH),
        ("api", ["(+get) +set"], HASH),
        ("api", ["(+get (+set))"], HASH),
        ("api", ["(+get"], HASH),
        ("api", [""], HASH),
        ("api", ['"x"'], HASH),
        ("api", [], "secret"),
    ],
)
def test_nothing_can_slip_a_second_rule_in(name: str, rules: list[str], hash_: str) -> None:
    with pytest.raises(ValueError, match="user"):
        acl_line(name, rules, hash_)


def test_commands_on_a_keyspace_need_the_keyspace_and_are_no_scripts() -> None:
    with pytest.raises(BlueprintError, match="has not"):
        RedisUser(keyspaces=(("session", KeyAccess.READ),), only=(KeyspaceCommands(("rate_limit",), ("incr",)),))
    with pytest.raises(BlueprintError, match="scripts"):
        RedisUser(keyspaces=(("session", KeyAccess.READ),), only=(KeyspaceCommands(("session",), ("eval",)),))


def test_a_password_is_kept_as_the_server_keeps_it() -> None:
    assert password_sha256("foo") == "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
