"""The file with an account's connection settings: what is in it, in a form that shells and Docker read alike, for its owner only."""

import dataclasses
import os
import subprocess
from urllib.parse import urlsplit

import pytest
from psycopg.conninfo import conninfo_to_dict

from christmas.blueprint.accounts import ACCOUNTS, account
from christmas.blueprint.collections_and_properties import EMBEDDED
from christmas.sealed.ring import from_file, new_ring
from core.errors import PlatformError
from infra.connections import Credentials, Endpoint, Platform
from infra.env_file import Form, mounts, opens_fields, variables, write
from tests.support.scratch import new_authority


@pytest.fixture
def platform(tmp_path_factory):
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca_file.write_bytes(new_authority().pem)
    return Platform(
        stack="blue",
        endpoints={
            "postgres": Endpoint("127.0.0.1", 15432, "timescaledb", 5432),
            "redis": Endpoint("127.0.0.1", 16379, "redis", 6379),
            "weaviate": Endpoint("127.0.0.1", 18080, "weaviate", 8080),
            "weaviate_grpc": Endpoint("127.0.0.1", 15051, "weaviate", 50051),
            "embedder": Endpoint("127.0.0.1", 18443, "embedder", 8443),
        },
        accounts={"api": Credentials(postgres="pw1", redis="pw2"), "rag": Credentials(weaviate="key1")},
        ca_file=ca_file,
        containers={},
        volumes={},
        network="n",
        embedding_profile="embedded",
        embedding_key="token",
    )


def test_on_the_host(platform):
    found = variables(platform, "api")
    ca = str(platform.ca_file)
    assert found["DATABASE_URL"] == f"postgresql://api:pw1@127.0.0.1:15432/christmas_db?sslmode=verify-full&sslrootcert={ca}"
    assert found["PGSSLROOTCERT"] == found["CHRISTMAS_CA_FILE"] == str(platform.ca_file)
    # These are for every connection of the process, so they name the machine's authorities besides the stack's.
    assert found["SSL_CERT_FILE"] == found["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] == str(platform.ca_file.with_name("ca-bundle.pem"))
    assert found["REDIS_URL"].startswith("rediss://api:pw2@127.0.0.1:16379/0?")
    assert found["WEAVIATE_URL"] == "https://127.0.0.1:18080"
    assert "WEAVIATE_API_KEY" not in found  # the account doesn't exist there


def test_inside_the_network(platform):
    found = variables(platform, "api", inside=True)
    database, redis = urlsplit(found["DATABASE_URL"]), urlsplit(found["REDIS_URL"])
    assert (database.scheme, database.hostname, database.port, database.path) == ("postgresql", "timescaledb", 5432, "/christmas_db")
    assert (redis.scheme, redis.hostname, redis.port, redis.path) == ("rediss", "redis", 6379, "/0")
    assert database.username == redis.username == "api"
    assert database.password == platform.secret("api", "postgres")
    assert redis.password == platform.secret("api", "redis")
    assert found["DATABASE_URL"].endswith("&sslrootcert=/run/christmas/ca.crt")
    assert found["WEAVIATE_URL"] == "https://weaviate:8080"
    assert found["CHRISTMAS_CA_FILE"] == "/run/christmas/ca.crt"
    assert found["SSL_CERT_FILE"] == "/run/christmas/ca-bundle.crt"
    assert mounts(platform, "api") == {
        str(platform.ca_file): "/run/christmas/ca.crt",
        str(platform.ca_file.with_name("ca-bundle.pem")): "/run/christmas/ca-bundle.crt",
    }
    assert not any("127.0.0.1" in value for value in found.values())


def test_an_account_of_weaviate_gets_its_key_and_the_embedders(platform):
    found = variables(platform, "rag")
    assert found["WEAVIATE_API_KEY"] == "key1"
    assert (found["OPENAI_API_KEY"], found["OPENAI_BASE_URL"]) == ("token", "https://127.0.0.1:18443/v1")
    assert found["CHRISTMAS_SEARCH_CERTAINTY"] == str(EMBEDDED.certainty)
    assert "DATABASE_URL" not in found


def test_an_unknown_account_is_told_the_known_ones(platform):
    with pytest.raises(PlatformError, match="no account 'apo'") as caught:
        variables(platform, "apo")
    assert "api" in caught.value.next_step


@pytest.mark.parametrize("inside", [False, True])
def test_the_file_is_private_and_means_the_same_to_shells_and_to_docker_each_in_its_form(platform, tmp_path, inside):
    ca_file = "/run/it's here/ca & more.crt"
    asked = variables(platform, "api", inside=inside, ca_file=ca_file)
    path = write(platform, "api", path=tmp_path / "api.env", inside=inside, ca_file=ca_file, form=Form.SHELL)
    assert path.stat().st_mode & 0o777 == 0o600
    sourced = subprocess.run(
        ["sh", "-c", f"set -a; . {path}; exec env"], capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]}
    ).stdout.splitlines()
    assert {f"{name}={value}" for name, value in asked.items()} <= set(sourced)
    # Docker takes everything behind the first = as it stands.
    docker = write(platform, "api", path=tmp_path / "docker.env", inside=inside, ca_file=ca_file, form=Form.DOCKER)
    assert dict(line.split("=", 1) for line in docker.read_text().splitlines()) == asked


def test_without_a_form_it_is_for_shells_on_the_host_and_for_docker_inside(platform, tmp_path):
    def url(*, inside: bool) -> str:
        text = write(platform, "api", path=tmp_path / "api.env", inside=inside).read_text()
        return next(line for line in text.splitlines() if line.startswith("DATABASE_URL="))

    assert url(inside=False).startswith("DATABASE_URL='postgresql://")
    assert url(inside=True).startswith("DATABASE_URL=postgresql://")


def test_the_url_is_enough_for_libpq(platform):
    told = conninfo_to_dict(variables(platform, "api")["DATABASE_URL"])
    assert (told["sslmode"], told["sslrootcert"]) == ("verify-full", str(platform.ca_file))


def test_who_opens_encrypted_fields_gets_the_ring_in_a_private_file(platform, tmp_path):
    ring = new_ring()
    with_ring = dataclasses.replace(platform, field_keys=ring.as_json())
    keys = tmp_path / "blue-api.field-keys.json"
    assert f"FIELD_KEYS_FILE={keys}" in write(with_ring, "api", path=tmp_path / "api.env").read_text().splitlines()
    assert keys.stat().st_mode & 0o777 == 0o600
    assert from_file(keys) == ring
    inside = write(with_ring, "api", inside=True, path=tmp_path / "inside.env").read_text().splitlines()
    assert "FIELD_KEYS_FILE=/run/christmas/field-keys.json" in inside
    keys.unlink()
    write(with_ring, "rag", path=tmp_path / "rag.env")
    assert "FIELD_KEYS_FILE" not in (tmp_path / "rag.env").read_text()
    assert not list(tmp_path.glob("*.json"))


def test_exactly_the_accounts_that_serve_profiles_open_their_fields():
    assert [account.name for account in ACCOUNTS if opens_fields(account.name)] == ["api", "app"]


def test_one_account_has_every_name_of_the_specification(platform):
    secrets = {"app": Credentials(postgres="pw1", redis="pw2", weaviate="key1")}
    found = variables(dataclasses.replace(platform, accounts=secrets), "app")
    assert {"DATABASE_URL", "REDIS_URL", "WEAVIATE_URL", "OPENAI_API_KEY"} <= found.keys()
    # Least privilege for everything an application does: it keeps neither the schema, nor the collection, nor other accounts.
    app = account("app")
    assert app.postgres
    assert app.redis
    assert app.weaviate
    assert not app.postgres.owns_schema
    assert not app.postgres.member_of
    assert app.redis.every_key is None
    assert {permission.action for permission in app.weaviate.permissions} == {
        "read_collections", "create_data", "read_data", "update_data", "delete_data"
    }  # fmt: skip


def test_writing_again_replaces_the_file_at_once(platform, tmp_path):
    path = tmp_path / "api.env"
    path.write_text("old")
    path.chmod(0o644)
    write(platform, "api", path=path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
