"""ACL users on a real server over TLS: altered by hand, found, told in plain words, put right without a restart."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterator

import pytest
import redis
from docker.models.containers import Container

from christmas.blueprint.accounts import ACCOUNTS, account
from core.errors import PlatformError
from infra.connections import Platform
from infra.provider.redis_acl import redis_rules
from tests.integration.provider.kept import Kept
from tests.support.redis_server import run_scratch_redis


class Accounts:
    """Every account of the blueprint that Redis has, `default` shut."""

    def __init__(self, platform: Platform, container: Container) -> None:
        self.platform, self.container = platform, container
        at = {"container": str(container.name), "server": str(container.id)}
        self.all = {
            each.name: Kept(
                "RedisUser",
                {**at, "name": each.name, "rules": list(redis_rules(each.redis)), "password": platform.secret(each.name, "redis")},
            )
            for each in sorted(ACCOUNTS, key=lambda each: each.name != "admin")
            if each.redis
        }
        self.all["default"] = Kept("RedisUser", {**at, "name": "default", "rules": list(redis_rules(None))})

    def up(self) -> None:
        for each in self.all.values():
            each.up()

    def refresh(self) -> dict[str, list[str] | None]:
        found = {name: each.refresh() for name, each in self.all.items()}
        return {name: findings for name, findings in found.items() if findings != []}

    @contextlib.contextmanager
    def login(self, name: str, password: str | None = None) -> Iterator[redis.Redis]:
        host, port = self.platform.endpoints["redis"].address()
        client = redis.Redis(
            host=host, port=port, username=name, password=password or self.all[name].inputs["password"], ssl=True,
            ssl_ca_certs=str(self.platform.ca_file), decode_responses=True,
        )  # fmt: skip
        with contextlib.closing(client):
            yield client


def write_password_file(container: Container, password: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo("admin.password")
        info.uid = info.gid = 999
        info.mode, info.size = 0o400, len(password)
        tar.addfile(info, io.BytesIO(password.encode()))
    assert container.put_archive("/run/christmas", packed.getvalue())


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with run_scratch_redis() as (platform, container):
        write_password_file(container, platform.secret("admin", "redis"))
        made = Accounts(platform, container)
        made.up()
        yield made


@pytest.mark.exhaustive
def test_the_effective_rules_are_kept_and_clean(accounts: Accounts) -> None:
    assert accounts.refresh() == {}
    effective = json.loads((accounts.all["api"].state or {})["effective"])
    assert set(effective["keys"].split()) == {"~session:*", "~rate_limit:*", "~user:*:preferences", "%R~market:*:latest"}
    assert effective["commands"].endswith("-@scripting")
    with accounts.login("api") as api:
        api.hset("session:1", mapping={"user_id": "1"})
        for refused in (("set", "elsewhere", "1"), ("hset", "market:AAPL:latest", "open", "1"), ("eval", "return 1", "0"), ("acl", "list")):
            with pytest.raises(redis.exceptions.NoPermissionError):
                api.execute_command(*refused)
    with pytest.raises(redis.exceptions.AuthenticationError), accounts.login("default", "anything") as nobody:
        nobody.ping()


def test_what_is_altered_by_hand_is_found_and_put_right_without_a_restart(accounts: Accounts) -> None:
    before = accounts.container.attrs["State"]["StartedAt"]
    with accounts.login("api") as open_session, accounts.login("admin") as admin:
        open_session.ping()
        for command in (
            "ACL SETUSER api ~* +eval",
            "ACL SETUSER ingest >another-password",
            "ACL SETUSER monitor nopass",
            "ACL SETUSER default on nopass",
            "ACL DELUSER backup",
        ):
            assert admin.execute_command(command)
        found = accounts.refresh()
        assert found["backup"] is None
        assert found["ingest"] == ["has other passwords"]
        assert found["monitor"] == ["needs no password", "has other passwords"]
        assert found["default"] == ["is on", "needs no password"]
        assert len(found["api"] or []) == 2
        accounts.up()
        assert accounts.refresh() == {}
        assert open_session.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            open_session.execute_command("eval", "return 1", "0")
    accounts.container.reload()
    assert accounts.container.attrs["State"]["StartedAt"] == before


@pytest.mark.exhaustive
def test_a_new_password_works_at_once_and_the_old_no_more(accounts: Accounts) -> None:
    user = accounts.all["ingest"]
    old = user.inputs["password"]
    user.inputs = {**user.inputs, "password": "another-Password-0123456789"}
    user.up()
    with accounts.login("ingest") as ingest:
        assert ingest.ping()
    with pytest.raises(redis.exceptions.AuthenticationError), accounts.login("ingest", old) as refused:
        refused.ping()
    assert accounts.refresh() == {}


@pytest.mark.exhaustive
def test_admins_own_password_changes_while_only_the_old_one_lets_in(accounts: Accounts) -> None:
    admin = accounts.all["admin"]
    # As in an `up`: the file first, then the server.
    write_password_file(accounts.container, "a-new-admin-Password-01234")
    admin.inputs = {**admin.inputs, "password": "a-new-admin-Password-01234"}
    admin.up()
    assert accounts.refresh() == {}


def test_a_wrong_admin_password_says_what_to_do(accounts: Accounts) -> None:
    right = accounts.all["admin"].inputs["password"]
    write_password_file(accounts.container, "nobody-knows-this-password")
    try:
        with pytest.raises(PlatformError, match="does not accept the admin password") as failure:
            accounts.all["api"].refresh()
        assert f"docker restart {accounts.container.name}" in failure.value.next_step
    finally:
        write_password_file(accounts.container, right)


@pytest.mark.parametrize("rule", ["nopass", ">secret", "#" + "0" * 64, "+@all", "allkeys", "reset"])
def test_rules_that_no_account_may_have_are_refused(accounts: Accounts, rule: str) -> None:
    kind = accounts.all["api"].kind
    _, problems = kind.check({**accounts.all["api"].inputs, "rules": [rule]})
    assert len(problems) == 1
    assert "secret" not in problems[0]
    assert "0000" not in problems[0]


def test_a_broken_rule_is_told_in_the_servers_words(accounts: Accounts) -> None:
    broken = Kept("RedisUser", {**accounts.all["api"].inputs, "name": "broken", "rules": ["+nosuchcommand"]})
    with pytest.raises(PlatformError, match="nosuchcommand"):
        broken.up()


def test_a_removed_user_is_gone_but_default_and_admin_stay(accounts: Accounts) -> None:
    for name in ("backup", "default", "admin"):
        kept = accounts.all[name]
        state = kept.state
        kept.destroy()
        kept.state = state
    assert accounts.refresh() == {"backup": None}
    accounts.up()
    assert account("backup").redis is not None
    assert accounts.refresh() == {}
