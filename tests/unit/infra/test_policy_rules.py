"""Each rule of the policy pack, with a container that keeps it and the same container breaking it."""

import copy

import pytest

from infra.policy.rules import CONTAINER_RULES

GOOD = {
    "memory": 512,
    "memorySwap": 512,
    "cpus": "1",
    "healthcheck": {"tests": ["CMD", "true"]},
    "wait": True,
    "capabilities": {"drops": ["ALL"]},
    "securityOpts": ["no-new-privileges:true"],
    "user": "999:999",
    "readOnly": True,
    "volumes": [{"volumeName": "v", "containerPath": "/data"}],
    "logDriver": "json-file",
    "logOpts": {"max-size": "1m", "max-file": "2"},
    "restart": "unless-stopped",
    "stopTimeout": 60,
    "ports": [{"internal": 1, "external": 2, "ip": "127.0.0.1"}],
    "envs": ["POSTGRES_PASSWORD_FILE=/run/x", "AUTHENTICATION_APIKEY_USERS=root"],
    "labels": [{"label": "com.christmas.project", "value": "c"}, {"label": "com.christmas.stack", "value": "s"}],
}


def problems(container):
    return {rule.name: found for rule in CONTAINER_RULES if (found := list(rule.check(container)))}


def test_a_good_container_breaks_no_rule():
    assert problems(GOOD) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"logDriver": "local"},
        {"restart": "always"},
        {"stopTimeout": 10},
        {"mounts": [{"type": "volume", "source": "v", "target": "/data"}]},
        {"user": "rooted:0"},
        {"ports": [{"internal": 1, "external": 2, "ip": "::1"}]},
    ],
)
def test_another_good_container_breaks_none_either(change):
    assert problems(copy.deepcopy(GOOD) | change) == {}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"memory": None}, "container-limits"),
        ({"memorySwap": -1}, "container-limits"),
        ({"cpus": None}, "container-limits"),
        ({"healthcheck": None}, "container-healthcheck"),
        ({"healthcheck": {"tests": ["NONE"]}}, "container-healthcheck"),
        ({"wait": False}, "container-healthcheck"),
        ({"privileged": True}, "container-privileges"),
        ({"capabilities": {"drops": ["CAP_CHOWN"]}}, "container-privileges"),
        ({"capabilities": {"drops": ["ALL"], "adds": ["CAP_SYS_ADMIN"]}}, "container-privileges"),
        ({"securityOpts": []}, "container-privileges"),
        ({"securityOpts": ["no-new-privileges:false"]}, "container-privileges"),
        ({"networkMode": "host"}, "container-privileges"),
        ({"pidMode": "host"}, "container-privileges"),
        ({"ipcMode": "host"}, "container-privileges"),
        ({"usernsMode": "host"}, "container-privileges"),
        ({"devices": [{"hostPath": "/dev/x"}]}, "container-privileges"),
        ({"user": ""}, "container-user"),
        ({"user": "0:0"}, "container-user"),
        ({"user": "root"}, "container-user"),
        ({"readOnly": False}, "container-read-only"),
        ({"volumes": [{"hostPath": "/etc", "containerPath": "/etc"}]}, "container-read-only"),
        ({"mounts": [{"type": "bind", "source": "/", "target": "/host"}]}, "container-read-only"),
        ({"logOpts": {"max-size": "1m"}}, "container-logs"),
        ({"logDriver": "syslog"}, "container-logs"),
        ({"restart": "no"}, "container-lifecycle"),
        ({"stopTimeout": 1}, "container-lifecycle"),
        ({"ports": [{"internal": 1, "external": 2}]}, "container-ports"),
        ({"ports": [{"internal": 1, "external": 2, "ip": "0.0.0.0"}]}, "container-ports"),
        ({"ports": [{"internal": 1, "external": 2, "ip": "192.168.1.4"}]}, "container-ports"),
        ({"publishAllPorts": True}, "container-ports"),
        ({"envs": ["POSTGRES_PASSWORD=x"]}, "container-secrets"),
        ({"envs": ["OPENAI_API_KEY=x"]}, "container-secrets"),
        ({"envs": ["AUTHENTICATION_APIKEY_ALLOWED_KEYS=x"]}, "container-secrets"),
        ({"labels": []}, "container-labels"),
    ],
)
def test_a_broken_rule_is_named(change, rule):
    container = copy.deepcopy(GOOD) | change
    assert set(problems(container)) == {rule}
