"""The platform's database: its owner, extensions and settings, without any right for PUBLIC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airgap.toolchain.plugin.messages import Severity
from core.container_commands import find_running, running
from infra.provider import psql
from infra.provider.found_at_up import FoundAtUp
from infra.provider.kind import Call, Input, Shape, Values

if TYPE_CHECKING:
    from docker.models.containers import Container


def database_findings(real: dict[str, Any], inputs: Values) -> list[str]:
    """Differences between the real database (sql/database_read.sql) and the declared one."""
    findings = [
        f"{what} belongs to {real[key]}, not {inputs['owner']}"
        for key, what in (("owner", "the database"), ("schema_owner", "schema public"))
        if real[key] != inputs["owner"]
    ]
    installed = real["extensions"]
    for extension in inputs["extensions"]:
        if extension not in installed:
            findings.append(f"extension {extension} is missing")
        elif installed[extension]["installed"] != installed[extension]["offered"]:
            findings.append(
                f"extension {extension} is {installed[extension]['installed']}, the server brings {installed[extension]['offered']}"
            )
    findings += [f"everybody has {privilege}" for privilege in sorted(real["public"])]
    if inputs.get("open_functions") is not None:
        findings += [f"everybody may run {name}" for name in real["open_functions"]]
    if inputs.get("watch"):
        findings += [f"function {name} is missing or altered" for name in sorted(set(_WATCHED) - set(real["watched"]))]
    return findings + psql.setting_findings(real["settings"], inputs["settings"])


_WATCHED = ("watch.sessions()", "watch.statement_figures(text[])")


class PostgresDatabase(FoundAtUp):
    """A database, its owner's schema `public`, and its extensions. Removing the resource removes nothing: it has the data.

    It also revokes PUBLIC's access to the databases `postgres` and `template1`. With `open_functions` PUBLIC may run those of the
    volatile functions and no other, nor those in `closed_functions`. With `watch` (any text; a changed one applies it
    again) there are functions that show sessions and statements without their text.
    """

    inputs = {
        "container": Input(Shape.TEXT),
        "server": Input(Shape.TEXT),
        "name": Input(Shape.TEXT, replaces=True, rule=psql.name_rule),
        "owner": Input(Shape.TEXT, rule=psql.name_rule),
        "extensions": Input(Shape.TEXTS, required=False, default=[]),
        "settings": Input(Shape.TEXT_MAP, required=False, default={}),
        "open_functions": Input(Shape.TEXTS, required=False),
        "closed_functions": Input(Shape.TEXTS, required=False),
        "watch": Input(Shape.TEXT, required=False),
    }
    outputs = ("drift",)

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        container = find_running(inputs["container"])
        if container is None:
            call.log(Severity.WARNING, f"container {inputs['container']} does not run: database {inputs['name']} was not compared")
            return state
        if not psql.database_exists(container, inputs["name"]):
            return None
        return {"drift": database_findings(_read(container, inputs), inputs)}

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:  # noqa: D102
        del call, state, old
        container = running(inputs["container"])
        variables = {
            "name": inputs["name"],
            "owner": inputs["owner"],
            "lock": str(psql.ADVISORY_LOCK),
            "settings": inputs["settings"],
            **_functions(inputs),
        }
        psql.run(container, psql.named("database_create"), variables=variables)
        psql.run(container, psql.named("database_apply"), variables=variables)
        for extension in inputs["extensions"]:
            # In its own session, as the first statement: TimescaleDB's update requires it.
            psql.run(container, psql.named("extension_apply"), database=inputs["name"], variables={"extension": extension})
        psql.run(container, psql.named("schema_apply"), database=inputs["name"], variables=variables)
        if inputs.get("open_functions") is not None:
            psql.run(container, psql.named("functions_apply"), database=inputs["name"], variables=variables)
        if inputs.get("watch"):
            psql.run(container, psql.named("watch_apply"), database=inputs["name"], variables=variables)
        return {"drift": []}


def _read(container: Container, inputs: Values) -> dict[str, Any]:
    real: dict[str, Any] = psql.query(container, psql.named("database_read"), database=inputs["name"], variables=_functions(inputs))
    return real


def _functions(inputs: Values) -> dict[str, list[str]]:
    return {name: inputs.get(name) or [] for name in ("open_functions", "closed_functions")}
