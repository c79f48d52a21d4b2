"""Prometheus, Alertmanager and the exporters on a running stack: turned on, asked, alarmed by a real fault, and turned off."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import docker
import docker.errors
import psycopg
import pytest
import yaml

from christmas.blueprint.server_alarms import POSTGRES_ALARMS
from christmas.blueprint.services import MONITORING
from console.dashboards.contents import DASHBOARDS
from infra import clients
from infra.components.monitoring_container import rule_files
from infra.connections import Platform
from monitor import checks, exposition
from schedule.jobs import Job
from tests.end_to_end.watched import Watched, carry_out, firing, run_of
from tests.support import port_scan, runbooks, webhook
from tests.support.alert_cases import CASES
from tests.support.inside import inside, signal_named
from tests.support.waiting import wait_for

pytestmark = pytest.mark.exhaustive

ALERTS = [case.alert for case in CASES]
JOBS = {"prometheus", "alertmanager", "postgres", "redis", "node", "probe-https", "probe-tls"}


def test_everything_is_asked_and_answers(watched: Watched) -> None:
    def up() -> bool:
        found = watched.query("up")
        return {json.loads(labels)["job"] for labels in found} == JOBS and set(found.values()) == {1.0}

    wait_for(up, f"every address answers: {watched.query('up')}", pause=1)
    wait_for(lambda: watched.query("pg_up"), "PostgreSQL's exporter tells", pause=1)
    assert set(watched.query("pg_up").values()) == set(watched.query("redis_up").values()) == {1.0}
    assert set(watched.query("probe_success").values()) == {1.0}
    # Every question of PostgreSQL's exporter is one that `monitor` may ask.
    collectors = watched.query("pg_scrape_collector_success")
    assert len(collectors) >= 6
    assert set(collectors.values()) == {1.0}, collectors


def test_the_rules_are_loaded_and_work(watched: Watched) -> None:
    rules = [rule for group in watched.get("/api/v1/rules", watched.platform.monitoring_password)["groups"] for rule in group["rules"]]
    assert len(rules) > 15

    def healthy() -> bool:
        groups = watched.get("/api/v1/rules", watched.platform.monitoring_password)["groups"]
        return {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}

    wait_for(healthy, "every rule was evaluated", pause=1)


def test_only_one_port_listens_for_others_and_only_over_tls_with_the_password(watched: Watched) -> None:
    container = watched.stack.container(MONITORING.name)
    assert port_scan.listening(container) == port_scan.declared(MONITORING)
    bindings = container.attrs["HostConfig"]["PortBindings"]
    assert {binding["HostIp"] for each in bindings.values() for binding in each} == {"127.0.0.1"}
    with pytest.raises(urllib.error.HTTPError) as plain:
        watched.get("/api/v1/query?query=up", watched.platform.monitoring_password, scheme="http")
    assert plain.value.code == 400
    plain.value.close()
    for wrong in (None, "", "wrong"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            watched.get("/api/v1/query?query=up", wrong)
        assert refused.value.code == 401
        refused.value.close()
    # The same holds for those that only the container itself reaches.
    for port in (9093, 9100, 9115, 9121, 9187):
        asked = "printf 'GET /metrics HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'"
        asked += f" | openssl s_client -quiet -connect localhost:{port} -CAfile /run/christmas/ca.crt -verify_return_error 2>/dev/null"
        text = inside(container, "sh", "-c", asked).decode()
        assert text.startswith("HTTP/1.1 401"), (port, text[:100])


def test_it_is_hardened_and_shows_no_secret(watched: Watched) -> None:
    container = watched.stack.container(MONITORING.name)
    host = container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] == MONITORING.limits.memory_mib * 2**20
    assert container.attrs["Config"]["User"] == MONITORING.user
    assert not [mount for mount in container.attrs["Mounts"] if mount["Type"] == "bind"]
    shown = json.dumps(container.attrs) + container.logs().decode(errors="replace")
    platform = watched.platform
    secrets = [platform.monitoring_password, platform.secret("monitor", "postgres"), platform.secret("monitor", "redis"), webhook.TOKEN]
    assert all(len(secret) > 10 for secret in secrets)
    assert not [secret for secret in secrets if secret in shown]
    # Of its processes' command lines, neither: everybody on the machine can read those.
    message = "\n".join(" ".join(words) for words in container.top()["Processes"])
    assert "prometheus-redis-exporter" in message
    assert not [secret for secret in secrets if secret in message]


def test_exporters_leave_no_refusal_that_the_checks_would_tell_of(watched: Watched) -> None:
    with clients.redis_client(watched.platform, "monitor") as redis:
        began = time.time() * 1000

        def since_then() -> list[Any]:
            """Other tests' attacks as this account are in the log as well."""
            log: list[Any] = redis.acl_log(512)
            return [each for each in log if each["username"] == "monitor" and each["timestamp-last-updated"] >= began]

        found: Any = wait_for(since_then, "the exporter has asked")
    assert {each["object"] for each in found} == {"slowlog|get"}
    listed = json.loads(watched.stack.invoke("check", "--json", "--only", "redis.refusals,postgres.refusals,weaviate.refusals").stdout)
    assert listed["status"] == "ok", listed


def test_what_no_exporter_knows_comes_from_the_schedule(watched: Watched, tmp_path: Any) -> None:
    job = Job("check", watched.stack.name, lambda _: watched.platform, tmp_path / "sets", goes_on=False, history=tmp_path / "checks.jsonl")
    began = datetime.now(UTC).timestamp()
    assert job.wake()
    names = {each.name for each in checks.every()}

    def told() -> set[str]:
        return {json.loads(labels)["check"] for labels in watched.query("christmas_check_status")}

    wait_for(lambda: told() == names, "Prometheus knows every check", pause=1)
    wait_for(
        lambda: set(watched.query("christmas_checks_run_timestamp_seconds > bool " + str(began)).values()) == {1.0},
        "it is this run",
        pause=1,
    )
    assert set(watched.query("node_textfile_scrape_error").values()) == {0.0}


FIGURE = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)(?=[\[{]| |\)|$)")


def named_by_us() -> set[str]:
    """Figures that may be missing for a while: those of sets and drills until there are some, and of rules that count what happens."""
    rules = [rule for text in rule_files().values() for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    return set(re.findall(r"christmas_[a-z_]+", inspect.getsource(exposition))) | {rule["record"] for rule in rules if "record" in rule}


def test_every_query_of_the_dashboards_is_answered(watched: Watched) -> None:
    queries = {query.expression for dashboard in DASHBOARDS for row in dashboard.rows for panel in row.panels for query in panel.queries}
    assert len(queries) > 40
    for query in queries:
        watched.query(query)  # an HTTPError where Prometheus does not understand it
    figures = {name for query in queries for name in FIGURE.findall(query) if "_" in name or ":" in name}
    assert len(figures) > 30

    def unknown() -> set[str]:
        known = watched.get("/api/v1/label/__name__/values", watched.platform.monitoring_password)
        return figures - set(known) - named_by_us()

    wait_for(lambda: not unknown(), f"Prometheus has every figure: {unknown()}", pause=1)


def test_status_and_checks_know_it(watched: Watched) -> None:
    services = json.loads(watched.stack.invoke("status", "--json", check=False).stdout)["services"]
    assert [service["name"] for service in services][-1] == MONITORING.name
    listed = json.loads(watched.stack.invoke("check", "--json", "--only", "containers.health", check=False).stdout)
    assert f"{len(services)} containers" in listed["checks"][0]["message"], listed
    assert watched.stack.invoke("logs", MONITORING.name, "--since", "1h").returncode == 0


def test_right_after_up_there_is_nothing_to_do_and_every_policy_is_kept(watched: Watched) -> None:
    watched.stack.pulumi("preview", "--expect-no-changes", "--non-interactive")
    watched.stack.pulumi("preview", "--refresh", "--expect-no-changes", "--non-interactive")
    assert "mandatory" not in watched.stack.invoke("preview").stdout


def test_a_stopped_redis_is_told_to_the_webhook_and_so_is_its_return(watched: Watched) -> None:
    redis = watched.stack.container("redis")
    began = time.monotonic()
    redis.stop()
    try:
        told = wait_for(lambda: watched.receiver.told("RedisDown", "firing"), "the webhook hears of Redis", pause=0.2)
        print(f"RedisDown came {time.monotonic() - began:.0f} s after the stop began")
    finally:
        redis.start()
        wait_for(lambda: watched.stack.is_well("redis"), "Redis is well again", pause=0.5)
    assert told["labels"]["severity"] == "critical"
    assert told["labels"]["stack"] == watched.stack.name
    assert told["annotations"]["runbook"] == "docs/runbooks/RedisDown.md"
    wait_for(lambda: watched.receiver.told("RedisDown", "resolved"), "the webhook hears that it is over", pause=0.5)
    assert watched.receiver.strangers == 0
    assert {alert["labels"]["alertname"] for alert in watched.receiver.alerts} == {"RedisDown"}


HARMLESS = ("invoke shell ", "invoke check --fix ", "docker restart ")


def test_what_the_pages_say_to_confirm_and_the_statements_to_mend_run(watched: Watched) -> None:
    lines = {line for alert in ALERTS for part in ("Confirm", "Over") for line in runbooks.commands(alert, part)}
    lines |= {line for alert in ALERTS for line in runbooks.commands(alert, "Mend") if line.startswith(HARMLESS)}
    assert len(lines) > 40
    # A check and a schedule tell by their code how things are, and a schedule that never ran has no log; everything else has to succeed.
    telling = ("invoke check", "invoke status", "invoke schedule.status", "invoke logs schedule")
    with ThreadPoolExecutor(2) as pool:
        codes = dict(zip(sorted(lines), pool.map(lambda line: run_of(watched, line), sorted(lines)), strict=True))
    assert {line: code for line, code in codes.items() if code != 0 and not (line.startswith(telling) and code in {1, 2, 3})} == {}


@pytest.mark.parametrize("service", ["timescaledb", "redis", "weaviate", "embedder"])
def test_the_page_of_a_service_that_is_down_leads_from_the_alert_to_its_end(watched: Watched, service: str) -> None:
    alert = {"timescaledb": "PostgresDown", "redis": "RedisDown", "weaviate": "WeaviateDown", "embedder": "EmbedderDown"}[service]
    began = time.monotonic()
    watched.stack.container(service).stop()
    try:
        wait_for(lambda: firing(watched, alert), f"{alert} fires", pause=0.5)
        print(f"{alert} fired {time.monotonic() - began:.0f} s after the stop began")
        # Nothing else is said to be down.
        assert not [
            name for name in ("PostgresDown", "RedisDown", "WeaviateDown", "EmbedderDown") if name != alert and firing(watched, name)
        ]
        listed = watched.stack.invoke("alerts", "--json", check=False)
        assert listed.returncode == 2
        assert alert in {each["name"] for each in json.loads(listed.stdout)["alerts"] if not each["pending"]}
        codes = carry_out(watched, alert, "Confirm")
        assert codes[0] == 2, "status says that it is critical"
        assert set(carry_out(watched, alert, "Mend")) == {0}
    finally:
        watched.stack.container(service).start()
    wait_for(lambda: set(carry_out(watched, alert, "Over")) == {0}, "it is over", pause=1)
    wait_for(lambda: firing(watched, alert) is None, f"{alert} goes", pause=1)


def test_a_critical_check_of_the_schedule_becomes_an_alert(watched: Watched, tmp_path: Any) -> None:
    def checked() -> None:
        job = Job(
            "check", watched.stack.name, lambda _: watched.platform, tmp_path / "sets", goes_on=False, history=tmp_path / "checks.jsonl"
        )
        assert job.wake()

    def told() -> bool:
        alerts = watched.get("/api/v1/alerts", watched.platform.monitoring_password)["alerts"]
        return "redis.accounts" in {alert["labels"].get("check") for alert in alerts if alert["labels"]["alertname"] == "CheckCritical"}

    with clients.redis_client(watched.platform, "admin") as redis:
        redis.execute_command("ACL", "SETUSER", "ingest", "off")
    try:
        checked()
        wait_for(told, "the alert names the check", pause=1)
        assert carry_out(watched, "CheckCritical", "Confirm") == [2]
    finally:
        watched.stack.up("--refresh")
    checked()
    wait_for(lambda: not told(), "the alert goes after the next run", pause=1)


def deadlock(platform: Platform) -> None:
    """Two transactions that wait for one another; the server ends one of them."""
    ready = threading.Barrier(2)

    def lock(first: int, second: int) -> bool:
        with clients.postgres(platform, "migrator") as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", (first,))
            ready.wait(timeout=60)
            try:
                connection.execute("select pg_advisory_xact_lock(%s)", (second,))
            except psycopg.errors.DeadlockDetected:
                connection.rollback()
                return True
            return False

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lock, (4711, 4712), (4712, 4711)))
    assert sorted(ended) == [False, True]


def test_deadlocks_become_an_alert(watched: Watched) -> None:
    wait_for(lambda: watched.query("pg_stat_database_deadlocks"), "deadlocks are counted", pause=1)
    for _ in range(POSTGRES_ALARMS.deadlocks_warn + 1):
        deadlock(watched.platform)
    labels = wait_for(lambda: firing(watched, "PostgresDeadlocks"), "PostgresDeadlocks fires", pause=1)
    assert labels["severity"] == "warning"
    assert set(carry_out(watched, "PostgresDeadlocks", "Confirm")) <= {0, 1}


def test_an_exporter_that_hangs_is_told_and_its_page_mends_it(watched: Watched) -> None:
    container = watched.stack.container(MONITORING.name)
    signal_named(container, "prometheus-redi", "STOP")
    labels = wait_for(lambda: firing(watched, "NotWatched"), "NotWatched fires", pause=1)
    assert labels["job"] == "redis"
    # That Redis isn't seen doesn't mean that it is down.
    assert firing(watched, "RedisDown") is None
    assert carry_out(watched, "NotWatched", "Mend") == [0]

    def over() -> bool:
        with contextlib.suppress(OSError):
            return firing(watched, "NotWatched") is None and set(watched.query("up").values()) == {1.0}
        return False

    wait_for(over, "everything is asked again", pause=1)


def test_the_end_of_one_process_starts_all_of_them_again(watched: Watched) -> None:
    container = watched.stack.container(MONITORING.name)
    began = container.attrs["State"]["StartedAt"]
    signal_named(container, "prometheus-redi", "KILL")
    wait_for(lambda: watched.stack.container(MONITORING.name).attrs["State"]["StartedAt"] != began, "Docker starts it again", pause=0.5)
    wait_for(lambda: watched.stack.is_well(MONITORING.name), "it is well again", pause=1)

    def asked_again() -> bool:
        with contextlib.suppress(OSError):
            return set(watched.query('up{job="redis"}').values()) == {1.0}
        return False

    wait_for(asked_again, "Redis' exporter answers again", pause=1)


def test_a_wrong_setting_is_refused_before_anything_is_changed(watched: Watched) -> None:
    before = watched.stack.container(MONITORING.name).id
    good = watched.receiver.configuration("RedisDown")
    watched.stack.pulumi("config", "set", "--secret", "christmas:alertmanager", given=good.replace("receiver: nobody", "receiver: x"))
    try:
        done = watched.stack.invoke("up", check=False)
    finally:
        watched.stack.pulumi("config", "set", "--secret", "christmas:alertmanager", given=good)
    assert done.returncode != 0
    assert "receiver is none of the receivers" in done.stdout + done.stderr
    assert webhook.TOKEN not in done.stdout + done.stderr
    assert watched.stack.container(MONITORING.name).id == before


def test_turned_off_nothing_of_it_runs(watched: Watched) -> None:
    stack = watched.stack
    stack.pulumi("config", "set", "christmas:monitoring", "false")
    try:
        stack.invoke("up")
        with pytest.raises(docker.errors.NotFound):
            stack.container(MONITORING.name)
        assert "prometheus" not in stack.platform().endpoints
        stack.pulumi("preview", "--expect-no-changes", "--non-interactive")
    finally:
        stack.pulumi("config", "set", "christmas:monitoring", "true")
