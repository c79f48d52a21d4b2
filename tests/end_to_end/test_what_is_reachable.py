"""From outside: TLS or nothing, on loopback or nowhere."""

import socket
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from christmas.blueprint import services
from tests.support import port_scan
from tests.support.inside import printed_alone
from tests.support.waiting import wait_for


def test_postgres_refuses_plain_text(stack):
    platform = stack.platform()
    url = platform.postgres_url("api").replace("sslmode=verify-full", "sslmode=disable")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(url, connect_timeout=10)


def test_redis_refuses_plain_text(stack):
    host, port = stack.platform().endpoints["redis"].address()
    with pytest.raises(redis_client.exceptions.ConnectionError):
        redis_client.Redis(host=host, port=port, socket_timeout=5).ping()


@pytest.mark.parametrize("name", ["weaviate", "weaviate_grpc", "embedder"])
def test_http_services_refuse_plain_text(stack, name):
    host, port = stack.platform().endpoints[name].address()
    with pytest.raises((urllib.error.HTTPError, urllib.error.URLError, OSError)):
        urllib.request.urlopen(f"http://{host}:{port}/", timeout=5)


def test_postgres_superuser_has_no_network_login(stack):
    host, port = stack.platform().endpoints["postgres"].address()
    with pytest.raises(psycopg.OperationalError, match="pg_hba"):
        psycopg.connect(host=host, port=port, user="postgres", password="x", dbname="christmas_db", sslmode="require")


def test_a_wrong_ca_is_not_trusted(stack):
    url = stack.platform().postgres_url("api").partition("&sslrootcert")[0] + "&sslrootcert=system"
    with pytest.raises(psycopg.OperationalError, match="certificate"):
        psycopg.connect(url, connect_timeout=10)


SERVICES = [service.name for service in services.SERVICES]


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_else_listens_for_others_than_the_container_itself(stack, service):
    container = stack.container(service)
    declared = port_scan.declared(services.service(service))
    assert port_scan.listening(container) == declared
    network = container.attrs["NetworkSettings"]["Networks"][f"christmas-{stack.name}-network{'-inner' * services.service(service).inner}"]
    for port in set(declared) - set(services.service(service).inner_ports.values()):
        socket.create_connection((network["IPAddress"], port), timeout=60).close()


@pytest.mark.exhaustive
@pytest.mark.parametrize("service", SERVICES)
def test_a_neighbour_in_the_network_reaches_the_declared_ports_and_no_others(stack, service):
    image = stack.container("embedder").image.id
    labels = {"com.christmas.project": "christmas", "com.christmas.stack": stack.name}
    found = port_scan.open_ports(image, f"christmas-{stack.name}-network", service, labels)
    assert found == port_scan.of_applications(services.service(service))


def test_an_application_in_the_network_connects_with_what_env_writes(stack, tmp_path):
    path = stack.invoke("env", "--account", "api", "--inside").stdout.strip()
    image = stack.container("timescaledb").image.id
    config = f"christmas-{stack.name}-timescaledb-config"
    environment = dict(line.split("=", 1) for line in Path(path).read_text().splitlines())
    output = printed_alone(
        image,
        *("psql", environment["DATABASE_URL"], "-Atc", "select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()"),
        network=f"christmas-{stack.name}-network",
        volumes={config: {"bind": "/run/christmas", "mode": "ro"}},
        labels={"com.christmas.project": "christmas", "com.christmas.stack": stack.name},
    )
    assert output.strip() == "api|t"


def test_access_is_logged(stack):
    platform = stack.platform()
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        connection.execute("create table audit_probe (id integer)")
        connection.execute("drop table audit_probe")

    def missing():
        log = stack.container("timescaledb").logs(tail=400).decode()
        return [words for words in ("AUDIT", "audit_probe", "user=migrator") if words not in log]

    wait_for(lambda: not missing(), "all of it is in PostgreSQL's log")
    host, port = platform.endpoints["redis"].address()
    with pytest.raises(redis_client.exceptions.AuthenticationError):
        redis_client.Redis(host=host, port=port, ssl=True, ssl_ca_certs=str(platform.ca_file), username="api", password="wrong").ping()
    from infra import clients

    with clients.redis_client(platform, "monitor") as monitor:
        assert any(entry["reason"] == "auth" for entry in monitor.acl_log())
