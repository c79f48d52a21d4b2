"""What somebody does to a container behind Pulumi's back is told by `containers.settings`."""

import copy
import secrets

import docker
import pytest

from monitor.container_settings import differences, settings
from tests.support.waiting import wait_for

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def engine():
    return docker.from_env()


def test_a_limit_changed_by_docker_update_is_told_and_goes_with_the_next_up(stack):
    platform, redis = stack.platform(), stack.container("redis")
    assert settings(platform).status == "ok"
    memory = redis.attrs["HostConfig"]["Memory"]
    redis.update(mem_limit=memory // 2, memswap_limit=memory // 2, restart_policy={"Name": "no"})
    try:
        told = settings(platform)
        assert told.status == "warning"
        assert f"redis: memory is {memory // 2 // MIB} MiB, not {memory // MIB} MiB" in told.message
        assert "its restart policy is no, not unless-stopped" in told.message
        stack.up("--refresh")
        assert settings(platform).status == "ok"
    finally:
        stack.container("redis").update(mem_limit=memory, memswap_limit=memory, restart_policy={"Name": "unless-stopped"})


def test_a_further_network_is_critical(stack, engine):
    network = engine.networks.create(f"beside-{secrets.token_hex(4)}", labels={"com.christmas.stack": stack.name})
    try:
        network.connect(stack.container("redis"))
        told = settings(stack.platform())
        assert told.status == "critical"
        assert f"redis: it is in network {network.name}" in told.message
    finally:
        network.disconnect(stack.container("redis"))
        network.remove()
    wait_for(lambda: settings(stack.platform()).status == "ok", "it is as before")


# What somebody may say who makes a container anew by hand: the property, its value, and words of what is told.
LETS_IN = {
    "privileged": ("HostConfig", "Privileged", True, "Privileged is True"),
    "a capability": ("HostConfig", "CapAdd", ["NET_ADMIN"], "CapAdd is"),
    "capabilities kept": ("HostConfig", "CapDrop", [], "it has capabilities"),
    "new privileges": ("HostConfig", "SecurityOpt", [], "its security options are none"),
    "no seccomp": ("HostConfig", "SecurityOpt", ["no-new-privileges:true", "seccomp=unconfined"], "seccomp=unconfined"),
    "all of /proc": ("HostConfig", "MaskedPaths", [], "MaskedPaths is empty"),
    "a writable root": ("HostConfig", "ReadonlyRootfs", False, "can be written"),
    "the host's processes": ("HostConfig", "PidMode", "host", "PidMode is host"),
    "the host's memory": ("HostConfig", "IpcMode", "host", "IpcMode is host"),
    "the host's users": ("HostConfig", "UsernsMode", "host", "UsernsMode is host"),
    "a device": (
        "HostConfig",
        "Devices",
        [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}],
        "Devices",
    ),
    "a group": ("HostConfig", "GroupAdd", ["0"], "GroupAdd is"),
    "a kernel setting": ("HostConfig", "Sysctls", {"net.ipv4.ip_forward": "1"}, "Sysctls is"),
    "a name server": ("HostConfig", "Dns", ["192.0.2.1"], "Dns is"),
    "a host": ("HostConfig", "ExtraHosts", ["timescaledb:192.0.2.1"], "ExtraHosts is"),
    "the host's folder": ("HostConfig", "Binds", ["/etc:/host"], "/etc is mounted at /host to write"),
    "the engine's socket": ("HostConfig", "Binds", ["/var/run/docker.sock:/s:ro"], "docker.sock is mounted at /s"),
    "an open port": ("HostConfig", "PortBindings", {"6379/tcp": [{"HostIp": "", "HostPort": "0"}]}, "is published on 0.0.0.0"),
    "executable memory": ("HostConfig", "Tmpfs", {"/tmp": "rw,exec"}, "file systems in memory"),
    "processes without a bound": ("HostConfig", "Ulimits", [], "its ulimits"),
    "root": ("Config", "User", "0:0", "it runs as 0:0"),
}
DIFFERS = {
    "no bound of memory": ("HostConfig", "Memory", 0, "memory is not limited"),
    "more processors": ("HostConfig", "NanoCpus", 2_000_000_000, "cpus is 2"),
    "little weight": ("HostConfig", "CpuShares", 2, "CpuShares is 2"),
    "few processes": ("HostConfig", "PidsLimit", 50, "PidsLimit is 50"),
    "an endless log": ("HostConfig", "LogConfig", {"Type": "json-file", "Config": {}}, "its log is kept elsewhere"),
    "another command": ("Config", "Cmd", ["sleep", "1000"], "its command is another"),
    "another entrypoint": ("Config", "Entrypoint", ["env"], "its entrypoint is another"),
    "a variable": ("Config", "Env", ["TZ=Asia/Seoul", "PASSWORD=of-somebody"], "its environment differs in"),
    "no health check": ("Config", "Healthcheck", {"Test": ["NONE"]}, "its health check is another"),
    "a label": ("Config", "Labels", {"com.christmas.stack": "other"}, "its label"),
    "another signal": ("Config", "StopSignal", "SIGKILL", "another signal"),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", LETS_IN | DIFFERS)
def test_a_container_made_anew_with_other_properties_is_told(stack, engine, case):
    """Each is made by the engine, from what it tells of the real one, and never started."""
    part, key, value, words = (LETS_IN | DIFFERS)[case]
    real = stack.container("redis")
    twin = made_anew(engine, real.attrs)
    other = made_anew(engine, real.attrs, part, key, value)
    declared, image = stack.platform().declared["redis"], engine.images.get(real.attrs["Image"]).attrs
    # A container that doesn't run has its networks, but is not in them yet.
    networks = {"NetworkSettings": real.attrs["NetworkSettings"]}
    assert list(differences(declared, twin | networks, image)) == []
    told = list(differences(declared, other | networks, image))
    assert any(words in each.words for each in told), told
    assert "of-somebody" not in str(told)
    assert any(each.lets_in for each in told) == (case in LETS_IN)


def made_anew(engine, attributes, part="", key="", value=None):
    """What the engine tells of a container like this one, with one property of another value."""
    attributes = copy.deepcopy(attributes)
    if part:
        attributes[part][key] = value
    if key == "Memory":
        attributes[part]["MemorySwap"] = value
    made = engine.api.create_container_from_config(
        {**attributes["Config"], "HostConfig": attributes["HostConfig"]}, name=f"altered-{secrets.token_hex(4)}"
    )["Id"]
    try:
        return engine.api.inspect_container(made)
    finally:
        engine.api.remove_container(made, v=True, force=True)
