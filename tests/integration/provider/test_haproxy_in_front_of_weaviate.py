"""HAProxy as a stack has it, in front of a real Weaviate. This process is a neighbour to it, whose address is the network's gateway."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator

import pytest
from weaviate.classes.config import DataType, Property

from christmas.blueprint.model import Network
from christmas.blueprint.services import HAPROXY, WEAVIATE, WEAVIATE_CONNECTIONS, WEAVIATE_CONNECTIONS_OF_AN_ADDRESS
from core.errors import PlatformError
from infra import clients
from infra.components.haproxy_container import describe, haproxy_cfg
from infra.components.names import CONFIG_DIRECTORY
from infra.connections import Endpoint, Platform
from monitor import ports_and_certificates, weaviate_clients
from tests.integration.provider.haproxy_front import (
    GRPC,
    HTTPS,
    NETWORKS,
    PATIENT,
    Front,
    bearer,
    ended,
    flooding,
    gets_in,
    status,
    stranger,
)
from tests.support import scratch
from tests.support.waiting import wait_for
from tests.support.weaviate_server import ScratchWeaviate


@pytest.fixture(scope="module")
def front(weaviate: ScratchWeaviate) -> Iterator[Front]:
    weaviate.container.reload()
    at = weaviate.container.attrs["NetworkSettings"]["Networks"][weaviate.network.name]
    gateway, server = str(at["Gateway"]), str(at["IPAddress"])
    configuration = haproxy_cfg(server, platform=[f"{gateway}/32"], host=[])
    described = describe(HAPROXY.limits, configuration=configuration)
    with scratch.container(described, weaviate.authority, inside=weaviate.network) as running:
        endpoints = {
            name: Endpoint("127.0.0.1", scratch.published(running, port), WEAVIATE.name, port)
            for name, port in (("weaviate", HTTPS), ("weaviate_grpc", GRPC))
        }
        made = Front(dataclasses.replace(weaviate.platform, endpoints=endpoints), weaviate, running, gateway, server)
        scratch.wait_until(lambda: made.ask("/v1/.well-known/ready") == 200, running)
        made.bind_keys()
        yield made


@pytest.mark.parametrize("account", sorted(NETWORKS))
def test_a_key_is_taken_from_its_accounts_networks_alone(front: Front, account: str) -> None:
    may = Network.PLATFORM in NETWORKS[account]
    assert status(front.behind.platform, "/v1/schema", bearer(front.key(account))) in (200, 403)
    before = len(front.refusals())
    assert front.ask("/v1/users/own-info", bearer(front.key(account))) == (200 if may else 403)
    assert front.call(account) is may
    if may:
        assert len(front.refusals()) == before
        return
    wait_for(lambda: len(front.refusals()) == before + 2, "both are told")
    told = front.refusals()[before:]
    assert {(each.account, each.address, each.action, each.outcome) for each in told} == {(account, front.gateway, "login", "denied")}
    assert [each.object for each in told] == ["users", "Search"]


def test_the_blueprint_tells_operators_from_applications() -> None:
    assert {name for name, places in NETWORKS.items() if Network.PLATFORM in places} == {"indexer", "rag", "app"}


def test_no_other_way_of_showing_a_key_leads_around(front: Front) -> None:
    """Weaviate takes a key from the address and from a form as well."""
    key, direct = front.key("admin"), front.behind.platform
    form = ("Content-Type", "application/x-www-form-urlencoded")
    ways: list[Callable[[Platform], int]] = [
        lambda platform: status(platform, f"/v1/users/own-info?access_token={key}"),
        lambda platform: status(platform, f"/v1/users/own-info?access_token={key}", bearer("")),
        lambda platform: status(platform, "/v1/users/own-info", bearer(key), bearer(front.key("rag"))),
        lambda platform: status(platform, "/v1/schema", form, method="POST", body=f"access_token={key}"),
    ]
    taken = [way(direct) for way in ways]
    assert taken[:3] == [200, 200, 200]
    assert taken[3] not in (401, 403)
    assert {way(front.platform) for way in ways} == {401, 403}
    # A known key of another account in the header doesn't carry one along in the address.
    with contextlib.closing(front.connect()) as made:
        made.request("GET", f"/v1/users/own-info?access_token={key}", headers=dict([bearer(front.key("rag"))]))
        assert json.loads(made.getresponse().read())["username"] == "rag"
    for word in ("bearer", "BEARER", "Bearer ", "Basic"):
        assert front.ask("/v1/users/own-info", bearer(key, word=word)) == 401
    assert front.ask("/v1/.well-known/../users/own-info", bearer(key)) == 403
    assert front.ask("/v1/users/own-info", bearer("no key at all")) == 401
    assert front.ask("/v1/users/own-info") == 401


def test_who_has_no_key_learns_whether_it_is_ready_and_no_more(front: Front) -> None:
    assert front.ask("/v1/.well-known/ready") == 200
    assert front.ask("/v1/.well-known/live") == 200
    for path in ("/", "/v1", "/v1/meta", "/v1/schema", "/v1/.well-known", "/metrics", "/debug/pprof"):
        assert front.ask(path) == 401, path


def test_weaviate_is_told_the_clients_address_and_not_what_the_client_says(front: Front) -> None:
    lies = (("X-Real-IP", "203.0.113.7"), ("X-Forwarded-For", "203.0.113.8"))
    # Without anything in front whoever has a key writes an address of his choice into the audit.
    assert status(front.behind.platform, "/v1/cluster/statistics", bearer(front.key("rag")), *lies) == 403
    assert front.ask("/v1/cluster/statistics", bearer(front.key("rag")), *lies) == 403
    assert front.call("rag")

    def addresses(right: str) -> list[str]:
        lines = [json.loads(line) for line in front.behind.container.logs(tail=40).splitlines() if b'"authorization denied"' in line]
        return [line["source_ip"] for line in lines if line["perm"] == right]

    wait_for(lambda: len(addresses("read_cluster")) >= 2 and addresses("read_data"), "all are logged")
    assert addresses("read_cluster")[-2:] == ["203.0.113.7", front.gateway]
    assert addresses("read_data")[-1] == front.gateway


def test_its_log_has_no_word_of_a_client(front: Front) -> None:
    marker = "a-word-that-nobody-else-says"
    assert front.ask(f"/v1/{marker}/{marker}?{marker}=1", bearer(marker), ("User-Agent", marker)) == 401
    assert front.ask(f"/v1/objects/{marker}", bearer(front.key("admin"))) == 403
    wait_for(lambda: [event.object for event in front.refusals()][-2:] == ["other", "objects"], "both are told")
    log = front.container.logs().decode()
    assert marker not in log
    assert not [name for name in NETWORKS if front.key(name) in log]
    # What is let through is Weaviate's to log.
    assert front.ask("/v1/users/own-info", bearer(front.key("rag"))) == 200
    assert '"status":200' not in front.container.logs().decode()


def test_another_list_counts_at_once_and_nothing_restarts(front: Front) -> None:
    started = front.container.attrs["State"]["StartedAt"]
    assert front.ask("/v1/users/own-info", bearer(front.key("monitor"))) == 403
    with contextlib.closing(front.connect()) as kept:

        def ask_again(account: str) -> int:
            kept.request("GET", "/v1/users/own-info", headers=dict([bearer(front.key(account))]))
            answer = kept.getresponse()
            answer.read()
            return answer.status

        assert ask_again("rag") == 200
        front.bind_keys(monitor=(Network.PLATFORM,), rag=(Network.HOST,))
        assert front.ask("/v1/users/own-info", bearer(front.key("monitor"))) == 200
        assert front.ask("/v1/users/own-info", bearer(front.key("rag"))) == 403
        # A connection from before has one request left at most.
        ask_again("rag")
        assert ask_again("rag") == 403
    front.bind_keys()
    assert front.ask("/v1/users/own-info", bearer(front.key("rag"))) == 200
    front.container.reload()
    assert front.container.attrs["State"]["StartedAt"] == started


def test_certificates_are_taken_up_while_clients_go_on(front: Front) -> None:
    """New connections, and one that is kept: none of them notices."""
    failed: list[str] = []
    done, stop = [0, 0], threading.Event()

    def run(kind: int) -> None:
        kept = front.connect()
        while not stop.wait(0.02):
            try:
                made = kept if kind else front.connect()
                made.request("GET", "/v1/users/own-info", headers=dict([bearer(front.key("rag"))]))
                answer = made.getresponse()
                answer.read()
                assert answer.status == 200
                done[kind] += 1
                if not kind:
                    made.close()
            except Exception as error:  # whatever it is, a user would have seen it
                failed.append(f"{kind}: {type(error).__name__}: {error}")
        kept.close()

    def shown() -> bytes | None:
        with contextlib.closing(front.connect()) as made:
            made.connect()
            return made.sock.getpeercert(binary_form=True)

    threads = [threading.Thread(target=run, args=(kind,), daemon=True) for kind in (0, 1)]
    before = shown()
    for thread in threads:
        thread.start()
    for _ in range(3):
        certificate, key = front.behind.authority.issue(HAPROXY.name, *HAPROXY.aliases)
        front.write(CONFIG_DIRECTORY, {"tls.crt": certificate, "tls.key": key})
        front.take_up_changes()
        enough = [count + 5 for count in done]
        wait_for(lambda: failed or all(map(int.__gt__, done, enough)), "clients go on")  # noqa: B023 - asked at once
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert shown() != before


def test_weaviate_that_is_gone_behind_it_is_not_reachable(front: Front) -> None:
    weaviate = next(port for port in ports_and_certificates.PORTS if port.endpoint == "weaviate")
    assert ports_and_certificates.reachable(weaviate, front.platform).status == "ok"
    with front.configured(haproxy_cfg(front.gateway, platform=[f"{front.gateway}/32"], host=[])):
        judged = ports_and_certificates.reachable(weaviate, front.platform)
    assert judged.status == "critical"
    assert "answers 503" in judged.message


def test_files_that_can_not_be_loaded_are_told_and_the_former_go_on(front: Front) -> None:
    broken = haproxy_cfg("192.0.2.1", platform=[f"{front.gateway}/32"], host=[]).replace("frontend weaviate", "frontend")
    with pytest.raises(PlatformError, match="did not load its changed files"), front.configured(broken):
        pass
    assert front.ask("/v1/users/own-info", bearer(front.key("rag"))) == 200


def test_applications_come_in_from_the_networks_of_other_machines_that_are_named(front: Front) -> None:
    for elsewhere, taken in (["198.51.100.0/24"], 403), (["198.51.100.0/24", f"{front.gateway}/32"], 200):
        with front.configured(haproxy_cfg(front.server, platform=["192.0.2.0/24", *elsewhere], host=[])):
            assert front.ask("/v1/users/own-info", bearer(front.key("rag"))) == taken
            assert front.ask("/v1/users/own-info", bearer(front.key("monitor"))) == 403


def test_a_flood_from_one_address_keeps_nobody_else_out_and_is_told(front: Front) -> None:
    platform = dataclasses.replace(front.platform, containers=front.platform.containers | {HAPROXY.name: str(front.container.name)})
    text = haproxy_cfg(front.server, platform=[f"{front.gateway}/32"], host=[]).replace(*PATIENT)
    with front.configured(text):
        assert weaviate_clients.connected(platform).status == "ok"
        with contextlib.ExitStack() as flood:
            flooding(front, flood, WEAVIATE_CONNECTIONS_OF_AN_ADDRESS)
            assert gets_in(front, front.behind.container)
            with pytest.raises(OSError, match=r"(?i)eof|reset"):
                front.ask("/v1/.well-known/ready")
            judged = weaviate_clients.connected(platform)
        assert judged.status == "critical"
        assert "connections were refused since the last look" in judged.message
        assert judged.value
        assert judged.value >= round(WEAVIATE_CONNECTIONS_OF_AN_ADDRESS / WEAVIATE_CONNECTIONS, 4)


def test_who_says_nothing_is_ended(front: Front) -> None:
    with contextlib.ExitStack() as few:
        silent = [few.enter_context(stranger(front)) for _ in range(5)]
        wait_for(lambda: all(map(ended, silent)), "who says nothing is ended")
    assert front.ask("/v1/.well-known/ready") == 200


def test_strangers_of_many_addresses_leave_places_to_the_host(front: Front) -> None:
    """One stranger, and a bound of as many as it may have, stand for four of them."""
    text = haproxy_cfg(front.server, platform=[f"{front.gateway}/32"], host=[]).replace(*PATIENT)
    assert f"fe_conn gt {WEAVIATE_CONNECTIONS} " in text
    assert WEAVIATE_CONNECTIONS > WEAVIATE_CONNECTIONS_OF_AN_ADDRESS
    with front.configured(text.replace(f"fe_conn gt {WEAVIATE_CONNECTIONS} ", "fe_conn gt 5 ")), contextlib.ExitStack() as flood:
        flooding(front, flood, 5)
        assert not gets_in(front, front.behind.container)
        assert gets_in(front, front.container, "localhost")


def test_large_requests_and_a_stream_over_a_change_of_files_go_through(front: Front) -> None:
    front.bind_keys(admin=(Network.PLATFORM,))
    try:
        with clients.weaviate_client(front.platform, "admin") as client:
            client.collections.delete("Large")
            text_alone = Property(name="text", data_type=DataType.TEXT, index_searchable=False, index_filterable=False)
            large = client.collections.create("Large", properties=[text_alone])
            text = "word " * 2_000_000
            made = large.data.insert({"text": text})
            with large.batch.stream() as batch:
                for number in range(200):
                    batch.add_object({"text": text[:50_000]})
                    if number == 100:
                        front.take_up_changes()
            assert large.batch.failed_objects == []
            assert len(large) == 201
            found = large.query.fetch_object_by_id(made)
            assert found is not None
            assert found.properties["text"] == text
            client.collections.delete("Large")
    finally:
        front.bind_keys()
