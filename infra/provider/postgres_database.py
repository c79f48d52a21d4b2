"""The platform's database: its owner, extensions and settings, without any right for PUBLIC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.container_commands import running
from infra.provider import psql
from infra.provider.declaration import Input, InServer, Output, gives, takes
from infra.provider.found_at_up import FoundAtUp
from infra.provider.kind import Call, Values

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


_WATCHED = ("watch.sessions()", "watch.statement_figures(text[])", "watch.settings_by_hand()")


class PostgresDatabase(InServer):
    """A database with its extensions and settings, never removed: it has the data. It and its schema `public` belong to `owner`.

    It is closed to PUBLIC, and so are `postgres` and `template1`; `owner` is an existing role. With `open_functions` PUBLIC may run
    those of the volatile functions and no other, nor those in `closed_functions`. With `watch` (any text; a changed one applies it
    again) there are functions that show sessions and statements without their text.
    """

    name: Input[str] = takes(replaces=True, rule=psql.name_rule)
    owner: Input[str] = takes(rule=psql.name_rule)
    extensions: Input[Sequence[Input[str]]] = takes(default=[])
    settings: Input[Mapping[str, Input[str]]] = takes(default={})
    open_functions: Input[Sequence[Input[str]]] | None = None
    closed_functions: Input[Sequence[Input[str]]] | None = None
    watch: Input[str] | None = None
    drift: Output[list[str]] = gives()


class PostgresDatabaseKind(FoundAtUp):
    """Applies each of its parts, and compares them."""

    declared = PostgresDatabase

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        container = call.if_running(inputs["container"], f"database {inputs['name']} was not compared")
        if container is None:
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
