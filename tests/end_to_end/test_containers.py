"""What `docker inspect` shows of a stack that is up: hardened, limited, watched, and without a secret."""

import json

import docker
import pytest

from christmas.blueprint import services
from core.labels import of_stack
from tests.support.waiting import wait_for

SERVICES = tuple(service.name for service in services.SERVICES)


def secrets_in(value):
    """Every secret of the outputs, however deep. The names of logins are none."""
    if isinstance(value, dict):
        return [each for name, item in value.items() if not name.endswith("_login") for each in secrets_in(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("service", SERVICES)
def test_it_is_hardened(stack, service):
    attributes = stack.container(service).attrs
    host, config = attributes["HostConfig"], attributes["Config"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert not host["Privileged"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert {"max-size", "max-file"} <= set(host["LogConfig"]["Config"])
    assert config["Healthcheck"]["Test"]
    assert config["StopTimeout"] >= 10
    assert config["User"].split(":")[0] not in {"", "0", "root"}
    wait_for(lambda: stack.container(service).attrs["State"]["Health"]["Status"] == "healthy", f"Docker calls {service} healthy")
    assert not [mount for mount in attributes["Mounts"] if mount["Type"] == "bind"]


def written_otherwise(said, seen, path=""):
    """Where what Docker gives back is another text than what the program said. The order of a list says nothing."""
    if isinstance(said, dict) and isinstance(seen, dict):
        keys = [key for key in said if key != "__defaults"]
        return [each for key in keys for each in written_otherwise(said[key], seen.get(key), f"{path}.{key}")]
    if isinstance(said, list) and isinstance(seen, list):
        alike = len(said) == len(seen) and all(any(not written_otherwise(one, other) for other in seen) for one in said)
        return [] if alike else [(path, said, seen)]
    return [] if said == seen else [(path, said, seen)]


@pytest.mark.parametrize("service", SERVICES)
def test_docker_gives_back_what_the_program_says_to_the_letter(stack, service):
    """Else the official plugin, which compares texts, replaces the container after a refresh."""
    state = json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
    (container,) = [each for each in state if each["type"].endswith(":Container") and each["inputs"].get("hostname") == service]
    assert container["inputs"]["healthcheck"]["startPeriod"] == "1m0s"
    assert written_otherwise(container["inputs"], container["outputs"]) == []


@pytest.mark.parametrize("service", SERVICES)
def test_inspecting_it_shows_no_secret(stack, service):
    outputs = stack.outputs()
    shown = json.dumps(stack.container(service).attrs)
    secrets = [*secrets_in(outputs["accounts"]), outputs["embedding_key"]]
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize("declared", services.SERVICES, ids=lambda each: each.name)
def test_only_loopback_ports_are_published(stack, declared):
    bindings = stack.container(declared.name).attrs["HostConfig"]["PortBindings"] or {}
    assert set(bindings) == {f"{declared.ports[name]}/tcp" for name in declared.published}
    assert {binding["HostIp"] for each in bindings.values() for binding in each} == ({"127.0.0.1"} if declared.published else set())


@pytest.mark.parametrize("service", SERVICES)
def test_its_log_shows_no_secret(stack, service):
    outputs = stack.outputs()
    log = stack.container(service).logs().decode(errors="replace")
    secrets = [*secrets_in(outputs["accounts"]), outputs["embedding_key"]]
    assert len(secrets) > 10
    assert log
    assert not [secret for secret in secrets if secret in log]


def test_everything_is_labelled(stack):
    client = docker.from_env()
    filters = of_stack(stack.name)
    names = {
        str(each.name).removeprefix(f"christmas-{stack.name}-") for each in client.containers.list(ignore_removed=True, filters=filters)
    }
    assert names == set(SERVICES)
    assert {str(each.name).removeprefix(f"christmas-{stack.name}-") for each in client.networks.list(filters=filters)} == {
        "network",
        "network-inner",
    }
    volumes = {each.name.removeprefix(f"christmas-{stack.name}-") for each in client.volumes.list(filters=filters)}
    assert {"timescaledb-data", "pgbackrest", "redis-data", "weaviate-data", "weaviate-backups"} <= volumes
