"""From where Redis' accounts log in: a real server with the module of its image, asked from the host, from beside and from elsewhere."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

import pytest
import redis
from docker.models.containers import Container
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Network
from core.container_sessions import execute_short
from infra.components.names import redis_cli
from infra.connections import Platform
from infra.provider.address_rules import SETTING
from monitor import redis_addresses, refusals
from security.audit import redis_list
from tests.support.redis_neighbours import Neighbour, beside, elsewhere
from tests.support.redis_server import rules_of_bridge, run_scratch_redis
from tests.support.waiting import PATIENCE

REDIS_ACCOUNTS = {account.name: account.redis.networks for account in ACCOUNTS if account.redis}
REFUSED = "WRONGPASS this account is not let in from the address "


@dataclass(frozen=True, slots=True)
class Server:
    """A server with the blueprint's rules, and who asks it from where."""

    platform: Platform
    container: Container
    neighbour: Neighbour
    stranger: Neighbour
    admin: redis.Redis

    def password(self, account: str) -> str:
        return self.platform.secret(account, "redis")

    @contextlib.contextmanager
    def rules(self, text: str) -> Iterator[None]:
        """Have other rules for a while."""
        self.admin.config_set(SETTING, text)
        try:
            yield
        finally:
            self.admin.config_set(SETTING, rules_of_bridge())

    @contextlib.contextmanager
    def wire(self) -> Iterator[Wire]:
        """A connection from the host that nobody has logged in on."""
        host, port = self.platform.endpoints["redis"].address()
        trusted = ssl.create_default_context(cafile=str(self.platform.ca_file))
        with socket.create_connection((host, port), timeout=PATIENCE) as plain, trusted.wrap_socket(plain, server_hostname=host) as wrapped:
            yield Wire(wrapped)


@dataclass(frozen=True, slots=True)
class Wire:
    """Says words as they are, in RESP, and returns the first line of each answer; `silent` commands get none."""

    connection: ssl.SSLSocket

    def says(self, *commands: tuple[str | bytes, ...], silent: int = 0) -> list[str]:
        sent = b""
        for command in commands:
            words = [word.encode() if isinstance(word, str) else word for word in command]
            sent += b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.connection.sendall(sent)
        with self.connection.makefile("rb") as answers:
            return [answers.readline().decode(errors="replace").rstrip() for _ in commands[silent:]]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with (
        run_scratch_redis() as (platform, container),
        beside(container) as neighbour,
        elsewhere(container, ["10.251.7.0/24", "fd00:c7a5:7::/64"]) as stranger,
        redis.Redis.from_url(platform.redis_url("admin"), decode_responses=True) as admin,
    ):
        yield Server(platform, container, neighbour, stranger, admin)


def test_the_blueprint_tells_operators_from_applications() -> None:
    alone = sorted(name for name, networks in REDIS_ACCOUNTS.items() if networks == (Network.HOST,))
    both = sorted(name for name, networks in REDIS_ACCOUNTS.items() if networks == (Network.PLATFORM, Network.HOST))
    assert (alone, both) == (["admin", "backup", "monitor"], ["api", "app", "ingest"])


@pytest.mark.parametrize("account", REDIS_ACCOUNTS)
@pytest.mark.parametrize("options", [(), ("-3",)], ids=["RESP2", "RESP3"])
def test_an_account_comes_in_from_its_networks_alone(server: Server, account: str, options: tuple[str, ...]) -> None:
    password = server.password(account)
    from_host = redis.Redis.from_url(server.platform.redis_url(account), protocol=3 if options else 2)
    with contextlib.closing(from_host):
        assert from_host.ping()
    from_beside = server.neighbour.asks(account, password, *options, command="ping")
    assert from_beside.endswith("PONG") if Network.PLATFORM in REDIS_ACCOUNTS[account] else REFUSED in from_beside
    assert REFUSED in server.stranger.asks(account, password, *options, command="ping")


def test_tools_in_the_servers_container_come_in(server: Server) -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        ended = execute_short(server.container, ["sh", "-c", f"{redis_cli('monitor')} -h {host} --insecure ping"])
        assert ended.text().strip() == "PONG", (host, ended.stderr)


def test_strangers_of_ipv6_are_seen_as_what_they_are(server: Server) -> None:
    assert ":" in server.stranger.server
    password = server.password("api")
    assert f"{REFUSED}fd00:c7a5:7::" in server.stranger.asks("api", password)
    with server.rules("api@fd00:c7a5:7::/64"):
        assert "PONG" in server.stranger.asks("api", password, command="ping")
        assert REFUSED in server.neighbour.asks("api", password)


def test_the_right_password_and_a_wrong_one_are_refused_alike(server: Server) -> None:
    right = server.neighbour.asks("admin", server.password("admin"))
    assert server.neighbour.asks("admin", "wrong").replace("wrong", "") == right
    assert REFUSED in server.neighbour.asks("nobody", "wrong")


def test_a_refusal_is_listed_told_and_in_the_audit(server: Server) -> None:
    server.admin.acl_log_reset()
    assert REFUSED in server.stranger.asks("admin", server.password("admin"))
    assert REFUSED in server.neighbour.asks("admin", server.password("admin"))
    listed = server.admin.acl_log()
    assert {(entry["reason"], entry["context"], entry["username"]) for entry in listed} == {("auth", "module", "admin")}
    assert {entry["object"] for entry in listed} == {f"from {redis_list.address_of(entry)}" for entry in listed}
    events, _ = redis_list.events_of(listed, {})
    assert {(event.account, event.action, event.outcome) for event in events} == {("admin", "login", "denied")}
    assert {event.address.startswith("fd00:c7a5:7::") for event in events} == {True, False}
    finding = refusals.redis(server.platform)
    assert "admin from fd00:c7a5:7::" in finding.message


def test_a_changed_list_holds_at_once_and_open_connections_stay(server: Server) -> None:
    started = server.container.attrs["State"]["StartedAt"]
    with redis.Redis.from_url(server.platform.redis_url("api")) as open_session:
        assert open_session.ping()
        with server.rules(rules_of_bridge().replace("api@", "elsewhere@")):
            assert open_session.ping()
            with server.wire() as wire:
                assert wire.says(("AUTH", "api", server.password("api")))[0].startswith(f"-{REFUSED}")
            assert redis_addresses.bound(server.platform).status == "critical"
        with server.wire() as wire:
            assert wire.says(("AUTH", "api", server.password("api"))) == ["+OK"]
    assert redis_addresses.bound(server.platform).status == "ok"
    server.container.reload()
    assert server.container.attrs["State"]["StartedAt"] == started


def test_every_way_of_logging_in_is_asked(server: Server) -> None:
    password = server.password("api")
    with server.rules("!api@0.0.0.0/0 api@::/0 default@0.0.0.0/0"):
        for command in (
            ("AUTH", "api", password),
            ("HELLO", "2", "AUTH", "api", password),
            ("HELLO", "3", "AUTH", "api", password),
            ("HELLO", "3", "SETNAME", "x", "AUTH", "api", password),
            ("auth", "api", password),
        ):
            with server.wire() as wire:
                assert wire.says(command)[0].startswith(f"-{REFUSED}"), command
                assert wire.says(("PING",))[0].startswith("-NOAUTH")
        with server.wire() as wire:
            assert wire.says(("AUTH", password))[0].startswith("-WRONGPASS")
    # So is each of several in a packet, though Redis answers a refused one only where no other answer waits to be sent.
    with server.rules("ingest@0.0.0.0/0"), server.wire() as wire:
        ingest = ("AUTH", "ingest", server.password("ingest"))
        assert wire.says(ingest, ("AUTH", "api", password), ("EXISTS", "session:1"), silent=1)[1].startswith("-NOPERM")
        assert wire.says(("EXISTS", "market:AAPL:latest")) == [":0"]


def test_both_secrets_of_a_rotation_are_bound(server: Server) -> None:
    server.admin.execute_command("ACL SETUSER", "backup", ">another-secret-of-a-rotation")
    for secret in ("another-secret-of-a-rotation", server.password("backup")):
        with server.wire() as wire:
            assert wire.says(("AUTH", "backup", secret)) == ["+OK"]
        assert REFUSED in server.neighbour.asks("backup", secret)


@pytest.mark.parametrize(
    ("rules", "let_in"),
    [
        ("api@{host}", True),
        ("api@{host}/32", True),
        ("api@::ffff:{host}", True),
        ("api@::ffff:{host}/128", True),
        ("api@0.0.0.0/0", True),
        ("api@::/0", True),
        ("  api@{host}   ", True),
        ("x@{host} api@{net} !api@{host}", True),
        ("!api@{host} api@{net}", False),
        ("api@203.0.113.7", False),
        ("api@2001:db8::/32", False),
        ("ap@{net} apii@{net} API@{net} api@x@{net}", False),
        ("", False),
    ],
)
def test_the_first_rule_that_fits_decides(server: Server, rules: str, *, let_in: bool) -> None:
    net = rules_of_bridge().split()[0].partition("@")[2]
    host = next(word for word in rules_of_bridge().split() if word.startswith("admin@")).partition("@")[2]
    with server.rules(rules.format(host=host, net=net)), server.wire() as wire:
        answer = wire.says(("AUTH", "api", server.password("api")))[0]
    assert answer == "+OK" if let_in else answer.startswith(f"-{REFUSED}{host}")


def acceptable(word: str) -> bool:
    """Whether a word is a rule, by Python's reading of networks."""
    name, at, network = word.removeprefix("!").rpartition("@")
    address, slash, bits = network.partition("/")
    if not name or not at or "%" in network or (slash and not (bits.isascii() and bits.isdigit() and len(bits) < 4)):
        return False
    try:
        return bool(ip_network(f"{address}/{int(bits)}" if slash else address))
    except ValueError:
        return False


ADDRESSES = st.one_of(
    st.ip_addresses().map(str), st.ip_addresses(v=6).map(lambda address: address.exploded), st.text("0123456789abcdef:./ffff", max_size=50)
)
BITS = st.one_of(st.just(""), st.integers(0, 200).map("/{}".format), st.text("/0123456789+-", max_size=5))
NAMES = st.one_of(
    st.sampled_from(["api", "!api", "!", "", "a@b"]), st.text(st.characters(exclude_characters=" ", codec="utf-8"), max_size=20)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, address=ADDRESSES, bits=BITS)
@example(name="api", address="10.0.0.0", bits="/8")
@example(name="api", address="10.0.0.1", bits="/8")
@example(name="api", address="::ffff:10.0.0.0", bits="/104")
@example(name="api", address="10.0.0.0\0", bits="")
@example(name="api", address="1" * 46, bits="")
@example(name="api", address="10.0.0.0", bits="/")
def test_what_is_no_rule_is_refused_and_the_former_rules_stay(server: Server, name: str, address: str, bits: str) -> None:
    word = f"{name}@{address}{bits}"
    with server.rules("admin@::/0"):
        if acceptable(word):
            server.admin.config_set(SETTING, f"admin@0.0.0.0/0 {word}")
            assert server.admin.config_get(SETTING)[SETTING] == f"admin@0.0.0.0/0 {word}"
        else:
            with pytest.raises(redis.ResponseError, match="word 2 is none of"):
                server.admin.config_set(SETTING, f"admin@0.0.0.0/0 {word}")
            assert server.admin.config_get(SETTING)[SETTING] == "admin@::/0"


@pytest.mark.parametrize(
    "name",
    [
        b"", b"admin ", b" admin", b"Admin", b"admin\0", b"admin\r\n+OK", b"*", b"%", b"%s%n%n", b"!admin", b"admin@0.0.0.0/0", b"\xff\xfe",
        b"a" * 15_000, "관리자".encode(), b"(api)", b"default",
    ],
)  # fmt: skip
def test_hostile_names_are_nobody(server: Server, name: bytes) -> None:
    with server.rules(rules_of_bridge()), server.wire() as wire:
        assert wire.says(("AUTH", name, server.password("admin")))[0].startswith("-WRONGPASS")
        assert wire.says(("PING",))[0].startswith("-NOAUTH")
    assert server.admin.ping()


def test_a_very_long_list_is_read_to_its_end(server: Server) -> None:
    many = " ".join(f"account-{number}@10.{number >> 8}.{number & 255}.0/24" for number in range(30_000))
    with server.rules(f"admin@0.0.0.0/0 {many} api@0.0.0.0/0"), server.wire() as wire:
        assert wire.says(("AUTH", "api", server.password("api"))) == ["+OK"]
        assert wire.says(*[("AUTH", "api", server.password("api"))] * 100) == ["+OK"] * 100


def test_neither_logins_nor_refusals_nor_changes_leave_memory_behind(server: Server) -> None:
    def used() -> int:
        return int(server.admin.info("memory")["used_memory"])

    login = ("AUTH", "api", server.password("api"))
    refused = ("AUTH", "stranger", "x")
    rules = rules_of_bridge()
    with server.wire() as wire:
        for round_ in range(2):  # the first one fills what is kept once: an entry of the list, buffers
            before = used()
            for _ in range(100):
                assert set(wire.says(*[login] * 100)) == {"+OK"}
            for _ in range(1_000 * round_ or 1):
                assert wire.says(refused)[0].startswith("-WRONGPASS")
            for _ in range(500 * round_):
                server.admin.config_set(SETTING, rules)
    assert used() - before < 100_000


@pytest.mark.parametrize("account", sorted(REDIS_ACCOUNTS.keys() - {"admin"}))
def test_only_admin_changes_the_list(server: Server, account: str) -> None:
    with redis.Redis.from_url(server.platform.redis_url(account)) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.config_set(SETTING, "")


def test_nobody_takes_the_module_away(server: Server) -> None:
    with pytest.raises(redis.ResponseError, match="MODULE command not allowed"):
        server.admin.execute_command("MODULE", "UNLOAD", "addresses")
