"""Weaviate as a container in the network finds it: through HAProxy, with keys that may come from there, and not at all otherwise."""

import json
import ssl
import urllib.error
import urllib.request

import docker

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Network
from christmas.blueprint.services import HAPROXY, WEAVIATE
from infra import clients
from tests.support.inside import inside, printed_alone
from tests.support.waiting import wait_for

NETWORKS = {account.name: account.weaviate.networks for account in ACCOUNTS if account.weaviate}
ASKED = "/v1/users/own-info"
_ASK = """
import json, os, ssl, urllib.error, urllib.request
trusted = ssl.create_default_context(cadata=os.environ["CA"])
told = {}
for account, key in json.loads(os.environ["KEYS"]).items():
    headers = {"Authorization": f"Bearer {key}", "X-Real-IP": "203.0.113.7"}
    try:
        with urllib.request.urlopen(urllib.request.Request(os.environ["URL"], headers=headers), context=trusted) as answer:
            told[account] = answer.status
    except urllib.error.HTTPError as error:
        told[account] = error.code
print(json.dumps(told))
"""
_CONNECT = """
import json, os, socket
found = []
for address in json.loads(os.environ["ADDRESSES"]):
    for port in json.loads(os.environ["PORTS"]):
        try:
            socket.create_connection((address, port), timeout=2).close()
            found.append([address, port])
        except OSError:
            pass
print(json.dumps(found))
"""


def beside(stack, program, **environment):
    """What a Python program prints in a container of the stack's network."""
    labels = {"com.christmas.project": "christmas", "com.christmas.stack": stack.name}
    network, image = f"christmas-{stack.name}-network", stack.container("embedder").image.id
    return json.loads(
        printed_alone(image, "python3", "-c", program, environment=environment, network=network, labels=labels, cap_drop=["ALL"])
    )


def from_the_host(platform, account):
    request = urllib.request.Request(
        platform.weaviate_url() + ASKED, headers={"Authorization": f"Bearer {platform.secret(account, 'weaviate')}"}
    )
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=platform.ca_file), timeout=60) as answer:
        return answer.status


def test_each_key_is_taken_from_its_networks_and_refusals_are_told_with_their_address(stack):
    platform = stack.platform()
    keys = {name: platform.secret(name, "weaviate") for name in NETWORKS}
    assert {name: from_the_host(platform, name) for name in keys} == dict.fromkeys(keys, 200)
    told = beside(
        stack, _ASK, KEYS=json.dumps(keys), CA=platform.ca_file.read_text(), URL=f"https://{WEAVIATE.name}:{WEAVIATE.ports['https']}{ASKED}"
    )
    assert told == {name: 200 if Network.PLATFORM in places else 403 for name, places in NETWORKS.items()}
    assert set(told.values()) == {200, 403}
    denied = json.loads(stack.invoke("audit", "--store", "weaviate", "--denied", "--json").stdout)
    events = [event for event in denied if event["action"] == "login"]
    refused = {name for name, status in told.items() if status == 403}
    subnet = docker.from_env().networks.get(platform.network).attrs["IPAM"]["Config"][0]["Gateway"].rpartition(".")[0]
    assert {event["account"] for event in events} == refused
    assert {event["address"].rpartition(".")[0] for event in events} == {subnet}
    assert not [event for event in events if event["address"].endswith(".1")]
    said = stack.invoke("check", "--only", "weaviate.refusals", check=False).stdout
    assert f"admin from {events[0]['address']}: 1 logins" in said


def test_weaviate_itself_is_out_of_reach(stack):
    """Its data port, gossip, Raft, metrics and its own two ports; and what passes for the embedder to it."""
    inner = f"christmas-{stack.name}-network-inner"
    addresses = [stack.container(name).attrs["NetworkSettings"]["Networks"][inner]["IPAddress"] for name in ("weaviate", "haproxy")]
    assert list(stack.container("weaviate").attrs["NetworkSettings"]["Networks"]) == [inner]
    ports = [*WEAVIATE.ports.values(), *WEAVIATE.neighbours.values(), *HAPROXY.inner_ports.values(), 2112, 6060, 7946, 8300, 8301]
    assert beside(stack, _CONNECT, ADDRESSES=json.dumps(addresses), PORTS=json.dumps(ports)) == []
    assert beside(stack, _CONNECT, ADDRESSES=json.dumps(["weaviate"]), PORTS=json.dumps(ports)) == [
        ["weaviate", port] for port in WEAVIATE.ports.values()
    ]


def test_weaviate_asks_the_embedder_for_a_questions_vector(stack):
    with clients.weaviate_client(stack.platform(), "rag") as client:
        assert client.collections.get("ChristmasDocument").query.near_text("거래 플랫폼", limit=1).objects


def test_what_stands_in_front_comes_back_by_itself_and_is_named_where_it_does_not(stack):
    front = stack.container(HAPROXY.name)
    before = front.attrs["State"]["StartedAt"]
    inside(
        front,
        "sh",
        "-c",
        'for each in /proc/[0-9]*; do read name < "$each/comm" && [ "$name" = haproxy ] && kill -9 "${each#/proc/}"; done; :',
    )
    wait_for(lambda: stack.container(HAPROXY.name).attrs["State"]["StartedAt"] != before and stack.is_well(HAPROXY.name), "it is back")
    assert from_the_host(stack.platform(), "rag") == 200
    stack.container(HAPROXY.name).stop()
    try:
        done = stack.invoke("check", "--only", "containers.health", "--only", "weaviate.reachable", check=False)
        assert done.returncode == 2
        assert "haproxy is exited" in done.stdout
    finally:
        stack.invoke("up")
    assert from_the_host(stack.platform(), "rag") == 200
