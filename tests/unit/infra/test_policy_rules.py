"""Each rule of the policy pack, with a container that keeps it and the same container breaking it."""

import copy
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def rules():
    # The pack runs as a program of its own, with its folder on the path; its rules are loaded here in the same way.
    spec = importlib.util.spec_from_file_location("christmas_policy_rules", ROOT / "infra" / "policy" / "rules.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


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


def problems(rules, container):
    return {rule.name: found for rule in rules.CONTAINER_RULES if (found := list(rule.check(container)))}


def test_a_good_container_breaks_no_rule(rules):
    assert problems(rules, GOOD) == {}


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
def test_a_broken_rule_is_named(rules, change, rule):
    container = copy.deepcopy(GOOD) | change
    assert set(problems(rules, container)) == {rule}
