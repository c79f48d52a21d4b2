"""Each rule of the policy pack: hostile programs beside harmless ones that differ in one thing."""

import copy
from typing import Any

import pytest

from infra.policy import others
from infra.policy.deviations import DEVIATIONS, Deviation, is_allowed
from infra.policy.inputs import UNKNOWN, Marked, leaves, read
from infra.policy.rules import CONTAINER_RULES, IMAGE_RULES, NETWORK_RULES, RULES, VOLUME_RULES

ID = "sha256:34210ff17aaba782f89f098097669bc4a33794bc970a35c31e809266dade12c7"
NPROC = {"name": "nproc", "soft": 4096, "hard": 4096}
CORE = {"name": "core", "soft": 0, "hard": 0}
LABELS = [{"label": "com.christmas.project", "value": "c"}, {"label": "com.christmas.stack", "value": "s"}]
GOOD: dict[str, Any] = {
    "image": ID,
    "memory": 512,
    "memorySwap": 512,
    "cpus": "1",
    "ulimits": [NPROC, CORE],
    "healthcheck": {"tests": ["CMD", "pg_isready", "-q"], "interval": "5s"},
    "wait": True,
    "capabilities": {"drops": ["ALL"]},
    "securityOpts": ["no-new-privileges:true"],
    "user": "999:999",
    "readOnly": True,
    "volumes": [{"volumeName": "v", "containerPath": "/data"}],
    "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    "logDriver": "json-file",
    "logOpts": {"max-size": "1m", "max-file": "2"},
    "restart": "unless-stopped",
    "stopTimeout": 60,
    "ports": [{"internal": 5432, "external": 2, "ip": "127.0.0.1"}],
    "envs": ["POSTGRES_PASSWORD_FILE=/run/x", "AUTHENTICATION_APIKEY_USERS=root"],
    "labels": LABELS,
    "networkMode": "bridge",
    "removeVolumes": True,
    "start": True,
}
# Keys of no account: drawn for this file.
RANDOM = "kJ8mP2vL9nQ4wX7zR1tB5cYd"
AWS_SECRET = "wJa1rXUtnF3MIK7MDEnGbPxRfiCYzq9aL0pT2sVh"
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
KEY_FILE = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE KEY-----\n"


def broken(rules, properties):
    return {rule.name: found for rule in rules if (found := rule.problems("resource", copy.deepcopy(properties)))}


def env(entry):
    return {"envs": [*GOOD["envs"], entry]}


def labelled(label, value):
    return {"labels": [*LABELS, {"label": label, "value": value}]}


def logged(**options):
    return {"logOpts": {**GOOD["logOpts"], **{name.replace("_", "-"): value for name, value in options.items()}}}


def mount(**more):
    return {"type": "volume", "source": "v", "target": "/data", **more}


def checked(*tests):
    return {"healthcheck": {"tests": list(tests)}}


# What differs in the hostile program, the rule that refuses it, and the harmless twin.
PAIRS = {
    "no memory limit": ({"memory": None}, "container-limits", {"memory": 1024, "memorySwap": 1024}),
    "swap": ({"memorySwap": -1}, "container-limits", {}),
    "no processor limit": ({"cpus": None}, "container-limits", {"cpus": "0.5"}),
    "no limit of processes": (
        {"ulimits": [CORE]},
        "container-limits",
        {"ulimits": [NPROC, CORE, {"name": "nofile", "soft": 1, "hard": 1}]},
    ),
    "endless processes": ({"ulimits": [{**NPROC, "hard": -1}, CORE]}, "container-limits", {"ulimits": [{**NPROC, "soft": 64}, CORE]}),
    "core dumps": ({"ulimits": [NPROC]}, "container-limits", {"ulimits": [CORE, NPROC]}),
    "core dumps that a process may allow itself": ({"ulimits": [NPROC, {**CORE, "hard": 1}]}, "container-limits", {}),
    "endless core dumps": ({"ulimits": [NPROC, {**CORE, "hard": -1}]}, "container-limits", {}),
    "no health check": ({"healthcheck": None}, "container-healthcheck", {}),
    "health check off": (checked("NONE"), "container-healthcheck", {}),
    "health check true": (checked("CMD", "true"), "container-healthcheck", checked("CMD", "redis-cli", "ping")),
    "health check exit 0": (checked("CMD-SHELL", "exit 0"), "container-healthcheck", checked("CMD-SHELL", "exit $(ready)")),
    "health check or true": (checked("CMD-SHELL", "ready || true"), "container-healthcheck", checked("CMD-SHELL", "ready || exit 1")),
    "health check in a shell": (checked("CMD", "sh", "-c", ":"), "container-healthcheck", checked("CMD", "sh", "-c", "test -e /run/ready")),
    "not waited for": ({"wait": False}, "container-healthcheck", {}),
    "privileged": ({"privileged": True}, "container-allowed", {"privileged": False}),
    "capabilities kept": ({"capabilities": {"drops": ["CAP_CHOWN"]}}, "container-privileges", {}),
    "capabilities added": ({"capabilities": {"drops": ["ALL"], "adds": ["CAP_SYS_ADMIN"]}}, "container-privileges", {}),
    "new privileges": ({"securityOpts": ["no-new-privileges:false"]}, "container-privileges", {"securityOpts": ["no-new-privileges"]}),
    "seccomp": (
        {"securityOpts": ["no-new-privileges:true", "seccomp=unconfined"]},
        "container-privileges",
        {"securityOpts": ["no-new-privileges:true", "seccomp=builtin"]},
    ),
    "AppArmor": (
        {"securityOpts": ["no-new-privileges:true", "apparmor:unconfined"]},
        "container-privileges",
        {"securityOpts": ["no-new-privileges:true", "apparmor=docker-default"]},
    ),
    "another runtime": ({"runtime": "sysbox-runc"}, "container-privileges", {"runtime": "runc"}),
    "host network": ({"networkMode": "host"}, "container-namespaces", {"networkMode": "bridge"}),
    "network of a container": ({"networkMode": "container:postgres"}, "container-namespaces", {"networkMode": "none"}),
    "host processes": ({"pidMode": "host"}, "container-namespaces", {"pidMode": ""}),
    "processes of a container": ({"pidMode": "container:postgres"}, "container-namespaces", {"pidMode": None}),
    "shared memory of a container": ({"ipcMode": "container:postgres"}, "container-namespaces", {"ipcMode": "private"}),
    "shareable memory": ({"ipcMode": "shareable"}, "container-namespaces", {"ipcMode": "none"}),
    "host users": ({"usernsMode": "host"}, "container-namespaces", {"usernsMode": ""}),
    "host control groups": ({"cgroupnsMode": "host"}, "container-namespaces", {"cgroupnsMode": "private"}),
    "host name service": ({"utsMode": "host"}, "container-allowed", {"hostname": "postgres"}),
    "control group of another": ({"cgroupParent": "/"}, "container-allowed", {"cgroupParent": ""}),
    "a device": ({"devices": [{"hostPath": "/dev/x"}]}, "container-allowed", {"devices": []}),
    "device rules": ({"deviceCgroupRules": ["c 1:3 mr"]}, "container-allowed", {"deviceCgroupRules": []}),
    "a graphics card": ({"gpus": "all"}, "container-allowed", {"gpus": ""}),
    "device requests": ({"deviceRequests": [{"count": -1}]}, "container-allowed", {"deviceRequests": []}),
    "sysctls": ({"sysctls": {"net.ipv4.ip_forward": "1"}}, "container-allowed", {"sysctls": {}}),
    "another's group": ({"groupAdds": ["docker"]}, "container-allowed", {"groupAdds": []}),
    "own name servers": ({"dns": ["203.0.113.5"]}, "container-allowed", {"dns": []}),
    "own hosts": ({"hosts": [{"host": "weaviate", "ip": "203.0.113.5"}]}, "container-allowed", {"hosts": []}),
    "a terminal": ({"tty": True}, "container-allowed", {"tty": False}),
    "an open input": ({"stdinOpen": True}, "container-allowed", {"stdinOpen": False}),
    "storage options": ({"storageOpts": {"size": "1T"}}, "container-allowed", {"storageOpts": {}}),
    "what nobody knows yet": ({"aPropertyOfTomorrow": "on"}, "container-allowed", {"aPropertyOfTomorrow": None}),
    "all ports": ({"publishAllPorts": True}, "container-allowed", {"publishAllPorts": False}),
    "no user": ({"user": ""}, "container-user", {"user": "1000:1000"}),
    "root": ({"user": "root"}, "container-user", {}),
    "user 0": ({"user": "0:0"}, "container-user", {}),
    "user 00": ({"user": "00:5"}, "container-user", {"user": "10:5"}),
    "user 4294967296": ({"user": "4294967296:5"}, "container-user", {}),
    "group 0": ({"user": "999:0"}, "container-user", {"user": "999:10"}),
    "no group": ({"user": "999"}, "container-user", {}),
    "a user's name": ({"user": "postgres:postgres"}, "container-user", {}),
    "latest": ({"image": "redis:latest"}, "container-image", {"image": "redis:8.0.3"}),
    "no tag": ({"image": "registry.example:5000/redis"}, "container-image", {"image": f"registry.example:5000/redis@{ID}"}),
    "half a digest": ({"image": "redis@sha256:34210ff1"}, "container-image", {"image": "christmas/redis:8.0-9ed6e9c5776a"}),
    "a root that is written": ({"readOnly": False}, "container-file-systems", {}),
    "a path of the host": ({"volumes": [{"hostPath": "/etc", "containerPath": "/etc"}]}, "container-file-systems", {}),
    "a path as a volume's name": ({"volumes": [{"volumeName": "/etc", "containerPath": "/etc"}]}, "container-file-systems", {}),
    "volumes of a container": ({"volumes": [{"fromContainer": "postgres"}]}, "container-file-systems", {}),
    "a bind": (
        {"mounts": [{"type": "bind", "source": "/", "target": "/host"}]},
        "container-file-systems",
        {"mounts": [{"type": "volume", "source": "v", "target": "/data"}]},
    ),
    "Docker's socket by a mount's driver": (
        {
            "mounts": [
                {"type": "volume", "source": "v", "target": "/d", "volumeOptions": {"driverOptions": {"device": "/var/run/docker.sock"}}}
            ]
        },
        "container-file-systems",
        {"mounts": [{"type": "volume", "source": "v", "target": "/d", "volumeOptions": {"noCopy": True}}]},
    ),
    "executable memory": (
        {"tmpfs": {"/x": "rw,nosuid,nodev,size=1m"}},
        "container-file-systems",
        {"tmpfs": {"/x": "noexec,nosuid,nodev,size=1m"}},
    ),
    "executable after all": ({"tmpfs": {"/x": "noexec,exec,nosuid,nodev,size=1m"}}, "container-file-systems", {"tmpfs": {}}),
    "endless memory": ({"tmpfs": {"/x": "noexec,nosuid,nodev"}}, "container-file-systems", {}),
    "a file of the host": (
        {"uploads": [{"file": "/x", "source": "/etc/shadow"}]},
        "container-uploads",
        {"uploads": [{"file": "/x", "content": "level = info\n"}]},
    ),
    "endless logs": (logged(max_size="-1"), "container-logs", logged(max_size="10m")),
    "logs to elsewhere": ({"logDriver": "syslog"}, "container-logs", {"logDriver": "local"}),
    "an option of logs": (logged(syslog_address="tcp://203.0.113.5"), "container-logs", logged(compress="true")),
    "stays down": ({"restart": "no"}, "container-lifecycle", {"restart": "always"}),
    "killed": ({"stopTimeout": 1}, "container-lifecycle", {"stopTimeout": 10}),
    "published to everybody": ({"ports": [{"internal": 5432, "external": 2}]}, "container-ports", {"ports": []}),
    "published to a network": (
        {"ports": [{"internal": 5432, "external": 2, "ip": "192.168.1.4"}]},
        "container-ports",
        {"ports": [{"internal": 5432, "external": 2, "ip": "::1"}]},
    ),
    "a port without TLS": (
        {"ports": [{"internal": 80, "external": 2, "ip": "127.0.0.1"}]},
        "container-listeners",
        {"ports": [{"internal": 8443, "external": 2, "ip": "127.0.0.1"}]},
    ),
    "Weaviate without TLS": ({"command": ["--scheme", "http"]}, "container-listeners", {"command": ["--scheme", "https"]}),
    "PostgreSQL without TLS": (
        {"command": ["postgres", "-c", "ssl=off"]},
        "container-listeners",
        {"command": ["postgres", "-c", "ssl=on"]},
    ),
    "Redis without TLS": (
        {"command": ["redis-server", "--port", "6379"]},
        "container-listeners",
        {"command": ["redis-server", "--port", "0", "--tls-port", "6379"]},
    ),
    "TLS off by a setting": (env("PGSSLMODE=disable"), "container-listeners", env("PGSSLMODE=verify-full")),
    "everybody may log in": (
        env("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=true"),
        "container-listeners",
        env("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=false"),
    ),
    "a password": (env("POSTGRES_PASSWORD=x"), "container-secrets", env("POSTGRES_PASSWORD_FILE=/run/secrets/password")),
    "an API key": (env("OPENAI_API_KEY=x"), "container-secrets", env("OPENAI_API_KEY=")),
    "keys that are allowed": (env("AUTHENTICATION_APIKEY_ALLOWED_KEYS=x"), "container-secrets", env("AUTHENTICATION_APIKEY_ENABLED=true")),
    "REDIS_PWD": (env("REDIS_PWD=hunter2"), "container-secrets", env("PWD=/var/lib/redis")),
    "MYSQLPASS": (env("MYSQLPASS=hunter2"), "container-secrets", env("COMPASS=north")),
    "apiToken": (env("apiToken=hunter2"), "container-secrets", env("TOKENIZER=gse")),
    "the value where a path belongs": (env(f"API_TOKEN_FILE={RANDOM}"), "container-secrets", env("API_TOKEN_FILE=/run/token")),
    "a word where a path belongs": (
        env("DB_PASSWORD_FILE=hunter2"),
        "container-secrets",
        env("DB_PASSWORD_FILE=/run/christmas/db.password"),
    ),
    "an innocent name": (env(f"GREETING={RANDOM}"), "container-secrets", env("GREETING=good-morning-to-everyone-2026")),
    "an AWS key": (env("REGION_HINT=AKIAIOSFODNN7EXAMPLE"), "container-secrets", env("REGION_HINT=ap-northeast-2")),
    "an AWS secret": (env(f"HINT={AWS_SECRET}"), "container-secrets", env("HINT=christmas-test-stack-weaviate-backups")),
    "hex": (env(f"COLOUR={HEX}"), "container-secrets", env(f"IMAGE_DIGEST=sha256:{HEX}")),
    "a login in an address": (env("UPSTREAM=postgres://api:hunter2@db/x"), "container-secrets", env("UPSTREAM=postgres://api@db/x")),
    "a key file": (
        env(f"TEXT={KEY_FILE}"),
        "container-secrets",
        env("TEXT=-----BEGIN CERTIFICATE-----\nMIIB8zCC\n-----END CERTIFICATE-----"),
    ),
    "in the command": (
        {"command": ["redis-server", "--requirepass", "hunter2"]},
        "container-secrets",
        {"command": ["redis-server", "--aclfile", "/run/users.acl"]},
    ),
    "in the command, by =": (
        {"command": ["serve", "--api-key=x1y2"]},
        "container-secrets",
        {"command": ["serve", "--api-key-file=/run/key"]},
    ),
    "in the entrypoint": (
        {"entrypoints": ["sh", "-c", "PGPASSWORD=hunter2 exec postgres"]},
        "container-secrets",
        {"entrypoints": ["sh", "-c", 'PGPASSWORD="$(cat /run/password)" exec postgres']},
    ),
    "in the health check": (
        checked("CMD-SHELL", "redis-cli --pass hunter2 ping | grep -q PONG"),
        "container-secrets",
        checked("CMD-SHELL", 'REDISCLI_AUTH="$(cat /run/p)" redis-cli --no-auth-warning --user m ping | grep -q PONG'),
    ),
    "in a label": (labelled("owner", f"token={RANDOM}"), "container-secrets", labelled("owner", "the platform's team")),
    "in a label's name": (labelled("password", "hunter2"), "container-secrets", labelled("settings", "e3b0c44298fc1c14")),
    "in an option of logs": (logged(tag=RANDOM), "container-secrets", logged(tag="{{.Name}}")),
    "in a file that is copied in": (
        {"uploads": [{"file": "/x", "content": "password: hunter2\n"}]},
        "container-secrets",
        {"uploads": [{"file": "/x", "content": "password_file: /run/password\n"}]},
    ),
    "in a file, as base64": (
        {"uploads": [{"file": "/x", "contentBase64": "cGFzc3dvcmQ6IGh1bnRlcjIK"}]},
        "container-secrets",
        {"uploads": [{"file": "/x", "contentBase64": "bGV2ZWw6IGluZm8K"}]},
    ),
    "known to Pulumi": ({"envs": [Marked("GREETING=hello")]}, "container-secrets", {"envs": ["GREETING=hello"]}),
    "no labels": ({"labels": []}, "container-labels", {}),
}


def test_a_good_container_breaks_no_rule():
    assert broken(CONTAINER_RULES, GOOD) == {}


@pytest.mark.parametrize("name", PAIRS)
def test_a_hostile_container_is_refused_by_its_rule_alone(name):
    change, rule, _ = PAIRS[name]
    assert set(broken(CONTAINER_RULES, GOOD | change)) == {rule}


@pytest.mark.parametrize("name", PAIRS)
def test_its_harmless_twin_passes(name):
    assert broken(CONTAINER_RULES, GOOD | PAIRS[name][2]) == {}


@pytest.mark.parametrize(
    ("rules", "change", "rule"),
    [
        (VOLUME_RULES, {"driverOpts": {"type": "none", "o": "bind", "device": "/var/run/docker.sock"}}, "volume-allowed"),
        (VOLUME_RULES, {"driver": "nfs"}, "volume-allowed"),
        (VOLUME_RULES, {"clusterVolume": {"x": 1}}, "volume-allowed"),
        (VOLUME_RULES, {"labels": []}, "volume-labels"),
        (VOLUME_RULES, {"labels": [*LABELS, {"label": "note", "value": RANDOM}]}, "volume-secrets"),
        (NETWORK_RULES, {"driver": "macvlan"}, "network-allowed"),
        (NETWORK_RULES, {"options": {"com.docker.network.bridge.host_binding_ipv4": "0.0.0.0"}}, "network-allowed"),
        (NETWORK_RULES, {"attachable": True}, "network-allowed"),
        (NETWORK_RULES, {"labels": []}, "network-labels"),
    ],
)
def test_hostile_volumes_and_networks_are_refused(rules, change, rule):
    good = {"name": "x", "labels": LABELS}
    assert broken(rules, good) == {}
    assert set(broken(rules, good | change)) == {rule}


@pytest.mark.parametrize("name", ["redis", "redis:latest", "registry.example:5000/redis", ""])
def test_an_image_that_may_change_is_refused(name):
    assert set(broken(IMAGE_RULES, {"name": name})) == {"image-allowed"}
    assert broken(IMAGE_RULES, {"name": "christmas/redis:8.0-9ed6e9c5776a", "keepLocally": True}) == {}


def test_an_image_is_not_built_by_the_program():
    assert set(broken(IMAGE_RULES, {"name": "redis:8", "build": {"context": "/"}})) == {"image-allowed"}


@pytest.mark.parametrize(
    "kind", ["command:local:Command", "docker:index/service:Service", "docker:index/image:Image", "docker:index/plugin:Plugin"]
)
def test_kinds_that_no_rule_knows_are_refused(kind):
    assert list(others.kinds(kind)) == [f"{kind} is not an allowed kind of resource"]
    assert [list(others.kinds(known)) for known in (*RULES, "pulumi:pulumi:Stack", "christmas:index:Password")] == [[]] * (len(RULES) + 2)


def test_one_unknown_value_hides_nothing_else():
    ports = [{"internal": 5432, "external": UNKNOWN, "ip": "127.0.0.1"}]
    assert broken(CONTAINER_RULES, GOOD | {"ports": ports, "image": UNKNOWN}) == {}
    assert set(broken(CONTAINER_RULES, GOOD | {"ports": ports, "privileged": True})) == {"container-allowed"}


def test_no_unknown_value_is_judged_or_ends_a_rule():
    for name in GOOD:
        broken(CONTAINER_RULES, GOOD | {name: UNKNOWN})
    assert "container-ports" not in broken(CONTAINER_RULES, GOOD | {"ports": [UNKNOWN]})


def test_no_secret_is_repeated():
    for change, rule, _ in PAIRS.values():
        if rule == "container-secrets":
            told = str(broken(CONTAINER_RULES, GOOD | change))
            assert not [each for each in ("hunter2", RANDOM, AWS_SECRET, HEX, "AKIA", "x1y2", "MC4C") if each in told]


@pytest.mark.parametrize("kind", RULES)
def test_what_was_marked_as_a_secret_is_refused_however_harmless_it_looks(kind):
    """`pulumi_policy` takes the marks away; a rule that doesn't see them takes such a value for any other."""
    (rule,) = [each for each in RULES[kind] if each.name.endswith("-secrets")]
    inputs = {"labels": [{"label": "colour", "value": "blue"}]}
    assert rule.problems("it", inputs) == []
    (problem,) = rule.problems("it", {"labels": [{"label": "colour", "value": Marked("blue")}]})
    assert "labels[0].value" in problem
    assert "blue" not in problem


def test_marks_and_unknown_values_are_read_from_what_the_engine_sends():
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hello"}
    seen = read(
        {"__defaults": ["a"], "envs": [secret], "port": "04da6b54-80e4-46f7-96ec-b56ff0331ba9", "list": [{"__defaults": [], "a": 1}]}
    )
    assert seen == {"envs": [Marked("hello")], "port": UNKNOWN, "list": [{"a": 1}]}
    assert dict(leaves(seen)) == {"envs[0]": Marked("hello"), "port": UNKNOWN, "list[0].a": 1}
    assert "hello" not in repr(seen)


def test_an_entry_allows_one_sentence_of_one_rule_on_one_resource():
    entry = Deviation(resource="redis", rule="container-ports", problem="port 1 is published on 0.0.0.0, not on loopback", reason="a test")
    assert is_allowed("redis", "container-ports", entry.problem, (entry,))
    assert not is_allowed("weaviate", "container-ports", entry.problem, (entry,))
    assert not is_allowed("redis", "container-ports", "port 2 is published on 0.0.0.0, not on loopback", (entry,))
    assert [deviation for deviation in DEVIATIONS if len(deviation.reason) < 20] == []
