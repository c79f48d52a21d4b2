from __future__ import annotations

import json

import docker
import pytest

from airgap.images.catalog import BASE_IMAGE, image_reference
from airgap.images.catalog import SERVICES as NAMES
from core.labels import INPUTS_LABEL
from tests.integration.images.hardened import execute, running, wait_healthy
from tests.integration.images.services import SERVICES, secret_files
from tests.support import scratch
from tests.support.cases import in_make_test
from tests.support.inside import printed_alone

_ODDITIES = """
find / -xdev -type f -perm /6000
find / -xdev -type f \\( -name '*.key' -o -name '*_key' -o -name id_rsa -o -name '.pgpass' -o -name '.netrc' \\)
find / -xdev -type f -size +0 \\( -path '/var/lib/apt/lists/*' -o -path '/var/cache/apt/*' -o -path '/root/.cache/*' \\)
find / -xdev -type f -size +0 -path '/usr/share/man/*'
find / -xdev -type f -perm -0002
find /etc -name machine-id -size +0
awk -F: '$2 !~ /^[!*]/ { print "password of", $1 }' /etc/shadow
"""


def _oddities(image: str) -> list[str]:
    """Set-uid programs, keys, package caches, files that anyone may write, identities and passwords in an image."""
    return printed_alone(image, "sh", "-c", _ODDITIES, user="0:0", network_mode="none").splitlines()


@pytest.mark.parametrize("name", in_make_test(NAMES, 1))
def test_service_gets_healthy_under_every_restriction_and_keeps_its_secrets(name: str, authority: scratch.Authority) -> None:
    service = SERVICES[name]
    files, secrets = secret_files(service, authority)
    with running(service, files) as container:
        wait_healthy(container)
        assert execute(container, "id", "-u").strip() == str(service.uid)
        status = execute(container, "cat", "/proc/1/status", "/proc/self/status")
        assert {line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")} == {"0" * 16}
        assert {line.split()[1] for line in status.splitlines() if line.startswith("NoNewPrivs:")} == {"1"}
        assert container.exec_run(["sh", "-c", "echo x > /etc/x"]).exit_code != 0
        assert container.exec_run(["sh", "-c", "echo x > /run/christmas/x"]).exit_code != 0
        inspected, logs = json.dumps(container.attrs), container.logs().decode(errors="replace")
    for secret in [*secrets.values(), files["tls.key"].decode().splitlines()[1]]:
        assert secret not in inspected
        assert secret not in logs


@pytest.mark.parametrize("name", NAMES)
def test_image_says_what_it_is_and_holds_nothing_that_it_should_not(name: str) -> None:
    image = docker.from_env().images.get(image_reference(name))
    config = image.attrs["Config"]
    assert config["User"] == f"{SERVICES[name].uid}:{SERVICES[name].uid}"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert not config.get("Volumes"), "an anonymous volume would hide that a named one is missing"
    labels = image.labels
    assert labels["com.christmas.service"] == name
    assert image_reference(name).endswith(f"-{labels[INPUTS_LABEL]}")
    assert labels["org.opencontainers.image.version"]

    assert _oddities(image_reference(name)) == []


def test_the_look_for_oddities_finds_those_of_the_base() -> None:
    assert "/usr/bin/su" in _oddities(BASE_IMAGE)


@pytest.mark.parametrize(("name", "limit"), [("redis", 100), ("timescaledb", 260), ("weaviate", 250), ("haproxy", 100), ("embedder", 260)])
def test_image_stays_small(name: str, limit: int) -> None:
    size = docker.from_env().images.get(image_reference(name)).attrs["Size"]
    assert size < limit * 1_000_000
