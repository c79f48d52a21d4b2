"""What is altered by hand shows in `preview --refresh`, and `up` puts it right while the servers run on."""

import json
import socket
import ssl

import httpx
import psycopg
import pytest
import redis as redis_client

from infra import clients
from tests.support.inside import inside


def exec_sql(stack, sql, database="christmas_db"):
    inside(stack.container("timescaledb"), "psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql, user="1000:1000")


def redis_admin(stack, *command):
    script = (
        'REDISCLI_AUTH="$(cat /run/christmas/admin.password)" redis-cli --no-auth-warning --user admin --tls '
        '--cacert /run/christmas/ca.crt -h localhost "$@"'
    )
    return inside(stack.container("redis"), "sh", "-c", script, "sh", *command, user="999:999").decode()


def started_at(stack):
    return {service: stack.container(service).attrs["State"]["StartedAt"] for service in ("timescaledb", "redis", "weaviate")}


SQL_CHANGES = [
    ("alter role api superuser createdb", "api-role"),
    ("alter role backtest password 'changed by hand'", "backtest-role"),
    ("alter role ingest connection limit 1", "ingest-role"),
    ("grant pg_read_all_data to analyst", "analyst-role"),
    ("revoke select on market_data from analyst", "analyst-grants"),
    ("grant select (password_hash) on users to backtest", "backtest-grants"),
    ("grant delete on market_data to ingest", "ingest-grants"),
    ("grant create on schema public to public", "christmas_db"),
]
ACL_CHANGES = [
    (("acl", "setuser", "api", "+@all", "~*"), "api-redis-user"),
    (("acl", "setuser", "monitor", "-info"), "monitor-redis-user"),
    (("acl", "setuser", "backup", ">known"), "backup-redis-user"),
    (("acl", "deluser", "ingest"), "ingest-redis-user"),
    (("acl", "setuser", "default", "on", "nopass", "~*", "+@all"), "default-redis-user"),
]


def alter_weaviate(stack):
    """Let the reader delete collections, and take the indexer's role away."""
    platform = stack.platform()
    context = ssl.create_default_context(cafile=str(platform.ca_file))
    admin = {"Authorization": f"Bearer {platform.secret('admin', 'weaviate')}"}
    with httpx.Client(base_url=platform.weaviate_url(), headers=admin, verify=context) as http:
        permission = {"action": "delete_collections", "collections": {"collection": "*"}}
        http.post("/v1/authz/roles/rag/add-permissions", json={"permissions": [permission]}).raise_for_status()
        http.post("/v1/authz/users/indexer/revoke", json={"roles": ["indexer"], "userType": "db"}).raise_for_status()
    return ["rag-weaviate-role", "indexer-weaviate-user"]


@pytest.mark.exhaustive
def test_what_is_altered_by_hand_is_shown_and_repaired_without_a_restart(stack):
    running = started_at(stack)
    resources = alter_weaviate(stack)
    for change, resource in SQL_CHANGES:
        exec_sql(stack, change)
        resources.append(resource)
    for command, resource in ACL_CHANGES:
        redis_admin(stack, *command)
        resources.append(resource)
    shown = stack.pulumi("preview", "--refresh", "--non-interactive", "--json").stdout
    steps = json.loads(shown)["steps"]
    planned = {step["urn"].rpartition("::")[2] for step in steps if step["op"] in {"update", "create"}}
    # Nothing but what was altered, and nothing altered that isn't shown.
    assert planned == set(resources)
    refused = stack.invoke("preview", "--refresh", "--expect-no-changes", check=False)
    assert refused.returncode != 0
    assert f"stack {stack.name} would change" in refused.stderr
    stack.up("--refresh")
    stack.invoke("preview", "--refresh", "--expect-no-changes")
    assert started_at(stack) == running
    platform = stack.platform()
    with clients.postgres(platform, "analyst") as connection:
        assert connection.execute("select count(*) from market_data").fetchall()[0][0] > 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select password_hash from users")
    with clients.redis_client(platform, "api") as client:
        client.set("rate_limit:10.0.0.1", 1, ex=60)
        with pytest.raises(redis_client.exceptions.NoPermissionError):
            client.set("market:AAPL:latest", 1)
        with pytest.raises(redis_client.exceptions.NoPermissionError):
            client.eval("return 1", 0)


@pytest.mark.exhaustive
def test_new_certificates_are_served_without_a_restart_where_the_store_can(stack):
    def served(name):
        platform = stack.platform()
        context = ssl.create_default_context(cafile=str(platform.ca_file))
        at = platform.endpoints[name].address()
        with socket.create_connection(at, timeout=10) as plain, context.wrap_socket(plain, server_hostname=at[0]) as secured:
            return (secured.getpeercert() or {})["serialNumber"]

    running = started_at(stack)
    before = {name: served(name) for name in ("redis", "weaviate", "embedder")}
    stack.pulumi("config", "set", "christmas:certificateDays", "80")
    stack.up()
    after = {name: served(name) for name in before}
    assert {name for name in before if after[name] == before[name]} == set()
    now = started_at(stack)
    assert (now["redis"], now["timescaledb"]) == (running["redis"], running["timescaledb"])
    stack.pulumi("preview", "--expect-no-changes", "--non-interactive")
