"""Nobody gets a login out of what Redis holds, and who doesn't have to can't even list the names of keys: docs/adr/0610."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.keyspaces_and_ttls import KEYSPACES, SESSION
from christmas.sessions import AsyncSessions, Sessions, id_of
from infra import clients
from infra.connections import Platform
from tests.integration.keyspaces.conftest import Both

IN_REDIS = [account.name for account in ACCOUNTS if account.redis]
LISTING: tuple[tuple[str, ...], ...] = (("SCAN", "0"), ("KEYS", "*"), ("RANDOMKEY",), ("MONITOR",), ("SLOWLOG", "GET"))


def seen(platform: Platform, account: str) -> Iterator[bytes]:
    """All that an account gets to see of keys: names, and values by whatever command it may run."""
    client = redis.Redis.from_url(platform.redis_url(account))
    with client:
        try:
            names = list(client.scan_iter(count=1000))
        except redis.exceptions.NoPermissionError:
            return
        yield from names
        for name in names:
            for command in (("HGETALL", name), ("HKEYS", name), ("DUMP", name), ("GET", name)):
                try:
                    answer: Any = client.execute_command(*command)
                except redis.exceptions.ResponseError:
                    continue
                yield repr(answer).encode()


@pytest.mark.parametrize("account", IN_REDIS)
def test_no_account_can_make_a_token_of_what_it_sees(redis_platform: Platform, account: str) -> None:
    with clients.redis_client(redis_platform, "api") as client:
        sessions = Sessions(client)
        created = sessions.create(7, "kim", ["trader"])
        told = list(seen(redis_platform, account))
        words = {word.decode() for each in told for word in re.findall(rb"[A-Za-z0-9._-]{20,}", each)}
        if told:
            assert created.id in words
        guesses = words | {word.partition(".")[2] for word in words} | {f"7.{word[:43]}" for word in words}
        guesses |= {SESSION.key(word) for word in words if len(word) < 190}
        for guess in guesses:
            assert sessions.read(guess) is None
            assert not sessions.touch(guess)
            assert not sessions.end(guess)
        assert created.token not in guesses
        assert sessions.read(str(created.token)) == created


def carried_out(client: redis.Redis, command: tuple[str, ...]) -> bool:
    """Whether the server takes a command from the client's account."""
    try:
        client.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        return False
    return True


@pytest.mark.parametrize("command", LISTING, ids=" ".join)
@pytest.mark.parametrize("account", IN_REDIS)
def test_only_who_finds_keys_by_their_names_may_list_them(redis_platform: Platform, account: str, command: tuple[str, ...]) -> None:
    allowed = (command[0] == "SCAN" and account in {"api", "app", "backup", "monitor"}) or account == "admin"
    with clients.redis_client(redis_platform, account) as client:
        if allowed and command[0] == "MONITOR":  # which has no end
            assert client.execute_command("ACL", "DRYRUN", account, *command) == "OK"
        else:
            assert carried_out(client, command) == allowed


@pytest.mark.parametrize("account", [name for name in IN_REDIS if name not in {"backup", "admin"}])
def test_hashes_of_passwords_are_shown_to_nobody_who_keeps_none(redis_platform: Platform, account: str) -> None:
    with clients.redis_client(redis_platform, account) as client:
        for command in (("ACL", "LIST"), ("ACL", "GETUSER", "admin")):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command)


def of_a_former_version(admin: redis.Redis, token: str, source: str, left: int = 5_000_000) -> None:
    """As the version before wrote it: under the token's own name."""
    fields: Any = admin.hgetall(source)
    admin.hset(SESSION.key(token), mapping=fields)
    admin.pexpire(SESSION.key(token), left)


def test_a_former_versions_session_lives_until_its_end_and_no_longer(make: Callable[..., Both], admin: redis.Redis) -> None:
    sessions = make(Sessions, AsyncSessions)
    created = sessions.create(7, "kim", ["trader"])
    token = f"7.{'x' * 43}"
    of_a_former_version(admin, token, SESSION.key(created.id))
    former = sessions.read(token)
    assert (former.user_id, former.username, former.roles, former.token) == (7, "kim", ("trader",), token)
    assert sessions.touch(token)
    assert 0 < int(admin.pttl(SESSION.key(token))) <= 5_000_000
    assert {each.id for each in sessions.of_user(7)} == {created.id, id_of(token)}
    assert all(each.token is None for each in sessions.of_user(7))
    assert sessions.end(token)
    assert sessions.read(token) is None
    of_a_former_version(admin, token, SESSION.key(created.id))
    assert sessions.end_listed(str(id_of(token)))
    assert not sessions.end_listed(str(id_of(token)))
    of_a_former_version(admin, token, SESSION.key(created.id))
    assert sessions.end_all(7) == 2
    assert sessions.read(created.token) is None


def test_a_listed_session_is_ended_by_its_id(make: Callable[..., Both]) -> None:
    sessions = make(Sessions, AsyncSessions)
    made, other = sessions.create(7, "kim"), sessions.create(7, "kim")
    assert sessions.end_listed(made.id)
    assert not sessions.end_listed(made.id)
    assert not sessions.end_listed(str(other.token))
    assert sessions.read(made.token) is None
    assert sessions.read(other.token) == other


@pytest.mark.parametrize("keyspace", KEYSPACES, ids=lambda each: each.name)
def test_only_a_hash_hides_a_secret(keyspace: Any) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    assert keyspace.hides_its_secret(digest)
    assert keyspace.hides_its_secret(f"7.{digest}")
    assert keyspace.hides_its_secret(f"7.{'x' * 43}") is (not keyspace.hashed)
    assert keyspace.hides_its_secret("0123") is (not keyspace.hashed)
