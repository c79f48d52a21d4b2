"""Every secret of a stack, held against what every command prints: none is shown, by work that succeeds or by work that fails."""

import json
import os
import shlex

import pytest

import tasks
from tests.support.secret_values import secrets_of, shown

BESIDE = f"secrets-{os.getpid()}"
# In this order. "{folder}" is a folder of the test's own.
RUN = (
    "outputs",
    "outputs --json",
    "accounts",
    "accounts.list --json",
    "accounts.matrix",
    "accounts.matrix --json",
    "accounts.matrix --prove --html {folder}/matrix.html",
    "env --account app",
    "env --account api --inside",
    "env --account nobody",
    "preview",
    "preview --diff --refresh",
    "up",
    "up --refresh",
    "up --kit {folder}/nothing",
    "images",
    "images.sbom redis --out {folder}",
    "migrate.upgrade --json",
    "migrate --rehearse",
    "migrate.status",
    "migrate.status --json",
    "migrate.drift",
    "migrate.edition",
    "migrate.upkeep",
    "migrate.lint",
    "migrate.downgrade nothing",
    "migrate.renumber nothing",
    "seed.all",
    "seed.market --json",
    "seed.indicators",
    "seed.demo",
    "seed.cache",
    "seed.docs docs/guide/en/overview.md",
    "seed.search 'What is stored where?'",
    "backup.make --full",
    "backup.make --incremental --json",
    "backup.list",
    "backup.list --json",
    "backup.copy",
    "backup.verify",
    "backup.verify --all --json",
    "backup.restore --dry-run",
    f"backup.restore --into {BESIDE} --json",
    f"backup.remove {BESIDE}",
    "backup.restore --live",
    "backup.drill",
    "backup.drill --json",
    "backup.prune --dry-run",
    "backup.keys",
    "backup.keys --out {folder}/keys",
    "backup.kit --out {folder}/kit --passphrase-file {folder}/passphrase",
    "backup.extract --path nothing",
    "backup.import-portable --url https://127.0.0.1:9",
    "backup.schedule --systemd",
    "schedule.status",
    "schedule.status --json",
    "schedule.run --once",
    "schedule.run --cron",
    "schedule.start",
    "schedule.stop",
    "check.forecast",
    "check",
    "check.all --json --fix",
    "check --nagios --store redis",
    "check.report --out {folder}/report.html",
    "alerts",
    "status",
    "status --json",
    "doctor",
    "shell pg -c 'select current_user'",
    "shell pg --account api -c 'table nowhere'",
    "shell redis -c 'info server'",
    "shell redis --account api",
    "shell weaviate -c client",
    "shell weaviate -c client._connection",
    "env --for psql",
    "env --for redis-cli --account api",
    "env --for weaviate-cli",
    "logs --since 1d",
    "logs schedule --since 1d --json",
    "audit",
    "audit.recent --since 7d --json",
    "audit.anomalies",
    "audit.verify --json",
    "audit.recover",
    "audit.export {folder}/evidence.tar.gz",
    "accounts.rotate analyst",
    "accounts.rotate --keys",
    "accounts.rotate --ca --at-once",
    "down",
    "up --debug",
    "--debug outputs",
)
LEFT_OUT = {
    "check.serve": "goes on until Ctrl-C; test_the_live_page.py looks at what it says",
    "alerts.dashboards": "writes the same files for every stack, and reads none",
    "images.release": "makes the same files whatever stacks there are, and reads none",
    "migrate.new": "writes a revision into the clone; it reads no stack",
    "migrate.snapshot": "writes into the clone; it prints the file's path",
    "migrate.dictionary": "writes into the clone; it prints the file's path",
}


def test_every_command_is_run_or_left_out_for_a_reason():
    names = {*tasks.namespace.task_names, *(alias for name in tasks.namespace.task_names.values() for alias in name)}
    aliases = {alias: name for name, others in tasks.namespace.task_names.items() for alias in others}
    run = {next(word for word in line.split() if word in names) for line in RUN}
    assert {aliases.get(name, name) for name in run} | LEFT_OUT.keys() == tasks.namespace.task_names.keys()


@pytest.mark.exhaustive
@pytest.mark.timeout(7200)  # some ninety commands, backups and drills among them; on a busy machine half an hour was not enough
def test_none_shows_a_secret(stack, tmp_path):
    def secrets():
        return secrets_of(json.loads(stack.pulumi("stack", "export", "--show-secrets").stdout))

    (tmp_path / "passphrase").write_text("the kit's own passphrase of many words")
    known = secrets() | {"the kit's own passphrase of many words"}
    everything = stack.invoke("outputs", "--show-secrets").stdout
    assert len(shown(known, everything)) > 20  # they can be seen where somebody shows them
    found = {}
    try:
        for line in RUN:
            words = shlex.split(line.format(folder=tmp_path))
            done = stack.invoke(*words, check=False)
            known |= secrets()
            if leaked := shown(known, done.stdout + done.stderr):
                found[line] = leaked
            assert "Traceback" not in done.stderr or "--debug" in line, f"{line}\n{done.stderr}"
        for page in ("report.html", "matrix.html"):
            if leaked := shown(known, (tmp_path / page).read_text()):
                found[page] = leaked
        for command in (("stack", "output", "--json"), ("preview", "--diff"), ("stack", "export"), ("config",)):
            done = stack.pulumi(*command, check=False)
            if leaked := shown(known, done.stdout + done.stderr):
                found[f"pulumi {' '.join(command)}"] = leaked
    finally:
        stack.up()
        stack.invoke("schedule.stop", check=False)
    assert found == {}
