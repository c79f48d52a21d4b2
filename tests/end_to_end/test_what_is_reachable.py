"""From outside: TLS or nothing, on loopback or nowhere."""

import socket
import urllib.error
import urllib.request
from pathlib import Path

import docker
import psycopg
import pytest
import redis as redis_client

from christmas.blueprint import services


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


@pytest.mark.parametrize(
    ("service", "ports"),
    [("timescaledb", ()), ("redis", ()), ("weaviate", (2112, 6060, 7946, 8300, 8301)), ("embedder", ())],
)
def test_nothing_else_answers_at_the_containers_own_address(stack, service, ports):
    networks = stack.container(service).attrs["NetworkSettings"]["Networks"]
    (address,) = [network["IPAddress"] for network in networks.values()]
    # What it does serve answers there, so the address is the right one and can be reached.
    for port in services.service(service).ports.values():
        socket.create_connection((address, port), timeout=60).close()
    for port in (22, 80, 443, 9090, *ports):
        with pytest.raises(OSError), socket.create_connection((address, port), timeout=2):  # noqa: PT011 - refused or timed out
            pass


def test_an_application_in_the_network_connects_with_what_env_writes(stack, tmp_path):
    path = stack.invoke("env", "--account", "api", "--inside").stdout.strip()
    client = docker.from_env()
    image = stack.container("timescaledb").image.id
    config = f"christmas-{stack.name}-timescaledb-config"
    environment = dict(line.split("=", 1) for line in Path(path).read_text().splitlines())
    output = client.containers.run(
        image,
        entrypoint=["psql", environment["DATABASE_URL"], "-Atc", "select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()"],
        command=[],
        network=f"christmas-{stack.name}-network",
        volumes={config: {"bind": "/run/christmas", "mode": "ro"}},
        labels={"com.christmas.project": "christmas", "com.christmas.stack": stack.name},
        remove=True,
    )
    assert output.decode().strip() == "api|t"


def test_access_is_logged(stack):
    platform = stack.platform()
    with psycopg.connect(platform.postgres_url("migrator")) as connection:
        connection.execute("create table audit_probe (id integer)")
        connection.execute("drop table audit_probe")
    log = stack.container("timescaledb").logs(tail=400).decode()
    assert "AUDIT" in log
    assert "audit_probe" in log
    assert "user=migrator" in log
    host, port = platform.endpoints["redis"].address()
    with pytest.raises(redis_client.exceptions.AuthenticationError):
        redis_client.Redis(host=host, port=port, ssl=True, ssl_ca_certs=str(platform.ca_file), username="api", password="wrong").ping()
    from infra import clients

    with clients.redis_client(platform, "monitor") as monitor:
        assert any(entry["reason"] == "auth" for entry in monitor.acl_log())
