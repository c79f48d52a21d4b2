"""The image: nothing in it that should not be, and what it says where it can't start."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import docker
import pytest

from infra.components.monitoring_container import DATA_PATH, NOBODY, prometheus_yml
from tests.integration.images.hardened import Service, execute, files_for, running, started, volume, wait_exited, wait_healthy, write_files
from tests.integration.images.test_images_run_hardened import _oddities
from tests.support import scratch

pytestmark = [pytest.mark.exhaustive, pytest.mark.usefixtures("image")]

SERVICE = Service(name="monitoring", uid=1001, port=9090, data=[DATA_PATH])


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    own = {"prometheus.yml": prometheus_yml("tests"), "alertmanager.yml": NOBODY, "web.password": "x" * 40}
    own |= {"postgres.login": "monitor", "postgres.password": "p" * 40, "redis.password": "r" * 40}
    return {**files_for(SERVICE, scratch.new_authority()), **{name: text.encode() for name, text in own.items()}}


def said_at_its_end(files: Mapping[str, bytes]) -> tuple[int, str]:
    with contextlib.ExitStack() as stack:
        settings, data = stack.enter_context(volume()), stack.enter_context(volume())
        write_files(SERVICE, settings, files)
        return wait_exited(stack.enter_context(started(SERVICE, settings, {DATA_PATH: data})))


def test_it_holds_nothing_that_it_should_not(image: str) -> None:
    config = docker.from_env().images.get(image).attrs["Config"]
    assert config["User"] == "1001:1001"
    assert config["Healthcheck"]["Test"] == ["CMD", "healthy.sh"]
    assert not config.get("Volumes")
    assert _oddities(image) == []


def test_it_gets_healthy_without_any_store_and_its_health_check_can_fail(files: Mapping[str, bytes]) -> None:
    with running(SERVICE, files) as container:
        wait_healthy(container)
        assert "CapEff:\t0000000000000000" in execute(container, "cat", "/proc/1/status")
        execute(
            container,
            "sh",
            "-c",
            "for each in /proc/[0-9]*; do grep -q ^prometheus-alert $each/cmdline && kill -STOP ${each#/proc/}; done; true",
        )
        assert container.exec_run(["timeout", "5", "healthy.sh"]).exit_code != 0


def test_its_tool_asks_its_own_alertmanager(files: Mapping[str, bytes]) -> None:
    with running(SERVICE, files) as container:
        wait_healthy(container)
        execute(container, "amtool", "alert", "add", "Trial", "severity=critical")
        assert "Trial" in execute(container, "amtool", "alert")


@pytest.mark.parametrize("name", ["web.password", "redis.password", "alertmanager.yml", "tls.key"])
def test_a_missing_file_is_named(files: Mapping[str, bytes], name: str) -> None:
    code, said = said_at_its_end({path: content for path, content in files.items() if path != name})
    assert code == 1
    assert f"error: the file {name} is missing or unreadable" in said


def test_what_alertmanager_refuses_is_told_with_its_words(files: Mapping[str, bytes]) -> None:
    code, said = said_at_its_end(
        {**files, "alertmanager.yml": NOBODY.replace("receiver: nobody", "receiver: nobody\n  group_wate: 3s", 1).encode()}
    )
    assert code == 1
    assert "Alertmanager refuses its configuration" in said
    assert "group_wate" in said
    assert "christmas:alertmanager" in said


def test_of_what_alertmanager_refuses_no_value_is_told(files: Mapping[str, bytes]) -> None:
    wrong = NOBODY.replace("- name: nobody", "- name: nobody\n    webhook_configs: hunter2")
    code, said = said_at_its_end({**files, "alertmanager.yml": wrong.encode()})
    assert code == 1
    assert "Alertmanager refuses its configuration" in said
    assert "hunter2" not in said


def test_a_setting_that_prometheus_refuses_ends_all_of_it(files: Mapping[str, bytes]) -> None:
    code, said = said_at_its_end({**files, "prometheus.yml": b"scrape_configs: 5\n"})
    assert code == 1
    assert "one of the processes ended" in said
