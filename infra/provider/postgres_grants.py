"""A role's privileges in a database, kept as the blueprint declares them: none missing, none added by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from christmas.blueprint.model import PostgresRole, Privilege, TableGrant
from christmas.blueprint.relational import SCHEMA
from core.container_commands import running
from core.errors import PlatformError
from infra.provider import psql
from infra.provider.declaration import Input, InServer, Output, gives, takes
from infra.provider.found_at_up import FoundAtUp
from infra.provider.grants import UNDECLARED, grant_findings, grant_statements
from infra.provider.kind import Call, Values
from infra.provider.psql import quote_identifier

if TYPE_CHECKING:
    import psycopg
    from docker.models.containers import Container

_DEFAULTS = {"r": "tables", "S": "sequences", "f": "functions", "T": "types", "n": "schemas"}
_READ_LATER = "rSn"
_PSQL_VARIABLE = re.compile(r":'(\w+)'")


def _grants(values: list[dict[str, Any]]) -> str | None:
    for value in values:
        if unknown := value.keys() - {"table", "privileges", "columns"}:
            return f"has an object with the unknown {sorted(unknown)}"
        if not isinstance(value.get("table"), str) or not isinstance(value.get("privileges"), list):
            return "needs `table` and `privileges` in every object"
        if bad := set(value["privileges"]) - {privilege.value for privilege in Privilege}:
            return f"has the unknown privileges {sorted(bad)} on {value['table']}"
    tables = [value["table"] for value in values]
    return None if len(tables) == len(set(tables)) else "names a table twice"


def parsed(grants: list[dict[str, Any]]) -> list[TableGrant]:
    """The grants as the blueprint's objects."""
    return [
        TableGrant(
            grant["table"],
            frozenset(Privilege(privilege) for privilege in grant["privileges"]),
            None if grant.get("columns") is None else tuple(grant["columns"]),
        )
        for grant in grants
    ]


_FUNCTION = re.compile(r"(?:[a-z_]+\.)?[a-z_][a-z0-9_]*")


def _functions(values: list[str]) -> str | None:
    return None if all(_FUNCTION.fullmatch(value) for value in values) else "has a function that is not a plain name"


class PostgresGrants(InServer):
    """Exactly these privileges of `role` in `database`: CONNECT, USAGE and each grant, `{"table", "privileges", "columns"?}`.

    The schema's `owner` has all rights implicitly: for that role only CONNECT and `functions` are managed. `reads_every_table` adds
    SELECT on all present and future tables; `functions` are names of functions that are closed to others.
    """

    database: Input[str] = takes(replaces=True, rule=psql.name_rule)
    role: Input[str] = takes(replaces=True, rule=psql.name_rule)
    owner: Input[str] = takes(rule=psql.name_rule)
    temporary_tables: Input[bool] = False
    grants: Input[Sequence[Input[Mapping[str, Any]]]] = takes(default=[], rule=_grants)
    schema: Input[str] = takes(default=SCHEMA, rule=psql.name_rule)
    reads_every_table: Input[bool] | None = None
    functions: Input[Sequence[Input[str]]] | None = takes(default=None, rule=_functions)
    drift: Output[list[str]] = gives()


class PostgresGrantsKind(FoundAtUp):
    """What a migration has yet to make is no difference: it grants the same."""

    declared = PostgresGrants
    named_by = ("database", "role")

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        container = call.if_running(inputs["container"], f"the grants of {inputs['role']} were not compared")
        if container is None:
            return state
        if not psql.database_exists(container, inputs["database"]):
            return None
        real = _read(container, inputs)
        return {"drift": privilege_findings(real, inputs)} if real["exists"] else None

    def delete(self, call: Call, state: Values, inputs: Values) -> None:  # noqa: D102
        del state
        container = call.if_running(inputs["container"], f"the grants of {inputs['role']} stay in its data")
        if container and psql.database_exists(container, inputs["database"]):
            real = _read(container, inputs)
            if real["exists"]:
                left = inputs | {"grants": [], "reads_every_table": None}
                _run(container, inputs, _statements(real, left, connect=False))
                if inputs["role"] != inputs["owner"]:
                    _revoke(container, inputs, beyond="")

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:  # noqa: D102
        del call, state, old
        container = running(inputs["container"])
        real = _read(container, inputs)
        if not real["exists"]:
            raise PlatformError(
                what=f"role {inputs['role']} does not exist",
                where=f"container {container.name}",
                next_step="make the grants depend on the role; `pulumi up --refresh` brings back a role that was dropped by hand",
            )
        _run(container, inputs, _statements(real, inputs, connect=True))
        variables = {"role": inputs["role"], "owner": inputs["owner"], "schema": inputs["schema"], "lock": str(psql.ADVISORY_LOCK)}
        if inputs.get("reads_every_table"):
            psql.run(container, psql.named("reader_apply"), database=inputs["database"], variables=variables)
        elif inputs["role"] != inputs["owner"]:
            _revoke(container, inputs, beyond=inputs["schema"])
        psql.run(
            container,
            psql.named("functions_grant"),
            database=inputs["database"],
            variables={**variables, "functions": inputs.get("functions") or []},
        )
        return {"drift": []}


def _read(container: Container, inputs: Values) -> dict[str, Any]:
    variables = {"role": inputs["role"], "schema": inputs["schema"], "owner": inputs["owner"]}
    real: dict[str, Any] = psql.query(container, psql.named("grants_read"), database=inputs["database"], variables=variables)
    return real


def _revoke(container: Container, inputs: Values, *, beyond: str) -> None:
    variables = {"role": inputs["role"], "lock": str(psql.ADVISORY_LOCK), "beyond": beyond}
    psql.run(container, psql.named("grants_revoke"), database=inputs["database"], variables=variables)


def _run(container: Container, inputs: Values, statements: list[str]) -> None:
    lines = [
        "begin;",
        f"select pg_advisory_xact_lock({psql.ADVISORY_LOCK}) \\g /dev/null",
        *(f"{statement};" for statement in statements),
        "commit;",
    ]
    psql.run(container, "\n".join(lines), database=inputs["database"])


def _statements(real: dict[str, Any], inputs: Values, *, connect: bool) -> list[str]:
    grantee, database, schema = (quote_identifier(inputs[name]) for name in ("role", "database", "schema"))
    # The owner's rights are implicit: after a revoke nobody would have them.
    if inputs["role"] == inputs["owner"]:
        return [f"grant connect on database {database} to {grantee}"] if connect else []
    statements = [f"revoke all on database {database} from {grantee} cascade", f"revoke all on schema {schema} from {grantee} cascade"]
    for default in real["defaults"]:
        if inputs.get("reads_every_table") and default["schema"] is None and default["objects"] in _READ_LATER:
            continue  # declared, so never revoke it, even for a moment: a backup may be running
        within = f" in schema {quote_identifier(default['schema'])}" if default["schema"] else ""
        owner = quote_identifier(default["owner"])
        statements.append(
            f"alter default privileges for role {owner}{within} revoke all on {_DEFAULTS[default['objects']]} from {grantee} cascade"
        )
    if connect:
        privileges = ", ".join(sorted(_on_database(inputs)))
        statements += [f"grant {privileges} on database {database} to {grantee}", f"grant usage on schema {schema} to {grantee}"]
    existing = {table["table"]: [sequence["sequence"] for sequence in table["sequences"]] for table in real["tables"]}
    return statements + grant_statements(
        inputs["role"], parsed(inputs["grants"]), existing, inputs["schema"], everything=bool(inputs.get("reads_every_table"))
    )


def _on_database(inputs: Values) -> set[str]:
    return {"connect", "temporary"} if inputs["temporary_tables"] else {"connect"}


def declared_grants(role: PostgresRole) -> Values:
    """The inputs of PostgresGrants that a role of the blueprint decides."""
    return {
        "temporary_tables": role.temporary_tables,
        "reads_every_table": role.reads_every_table or None,
        "functions": sorted(role.functions) or None,
        "grants": [
            {"table": grant.table, "privileges": sorted(grant.privileges), "columns": list(grant.columns) if grant.columns else None}
            for grant in role.grants
        ],
    }


def privileges_of(connection: psycopg.Connection, role: str, owner: str) -> dict[str, Any]:
    """What a role was granted, asked by any account: the same that this provider reads. `connection` is to the database."""
    from psycopg import ClientCursor

    statement = _PSQL_VARIABLE.sub(r"%(\1)s", psql.named("grants_read").replace("%", "%%"))
    with ClientCursor(connection) as cursor:
        row = cursor.execute(statement.encode(), {"role": role, "owner": owner, "schema": SCHEMA}).fetchone()
    privileges: dict[str, Any] = row[0] if row else {}
    return privileges


def privilege_findings(real: dict[str, Any], inputs: Values) -> list[str]:
    """Differences between what a role was granted (sql/grants_read.sql) and what the inputs of its PostgresGrants say."""
    database = set(real["database"])
    to_come = {name for name in inputs.get("functions") or () if name.startswith(f"{inputs['schema']}.")} - set(real["own_functions"])
    functions = _function_findings(set(real["functions"]), set(inputs.get("functions") or ()) - to_come)
    if inputs["role"] == inputs["owner"]:
        return ([] if "connect" in database else [f"connect on database {inputs['database']} is missing"]) + functions
    findings: list[str] = []
    for what, granted, declared in (
        (f"database {inputs['database']}", database, _on_database(inputs)),
        (f"schema {inputs['schema']}", set(real["schema"]), {"usage"}),
    ):
        findings += [f"{privilege} on {what} is missing" for privilege in sorted(declared - granted)]
        findings += [f"{privilege} on {what} is {UNDECLARED}" for privilege in sorted(granted - declared)]
    everything = bool(inputs.get("reads_every_table"))
    findings += _to_come(real, inputs, everything=everything)
    if everything:
        # Those of the schema itself are compared below.
        here = {table["table"] for table in real["tables"]} | {
            sequence["sequence"] for table in real["tables"] for sequence in table["sequences"]
        }
        findings += [f"select on {name} is missing" for name in sorted(set(real["unread"]) - here)]
    else:
        findings += [f"something on {name} is {UNDECLARED}" for name in sorted(real["elsewhere"])]
    return findings + functions + grant_findings(parsed(inputs["grants"]), real["tables"], everything=everything)


def _function_findings(granted: set[str], declared: set[str]) -> list[str]:
    lost = [f"execute on function {name} is missing" for name in sorted(declared - granted)]
    return lost + [f"execute on function {name} is {UNDECLARED}" for name in sorted(granted - declared)]


def _to_come(real: dict[str, Any], inputs: Values, *, everything: bool) -> list[str]:
    """Differences in the privileges on future objects."""
    granted = {(default["owner"], default["schema"], default["objects"]) for default in real["defaults"]}
    makers = {inputs["owner"], real["superuser"]} if everything else set()
    declared = {(maker, None, objects) for maker in makers for objects in _READ_LATER}
    lost = [f"{_DEFAULTS[objects]} that {maker} will make are not granted" for maker, _, objects in sorted(declared - granted, key=str)]
    return lost + [
        f"{_DEFAULTS[objects]} that {maker} will make are {UNDECLARED}" for maker, _, objects in sorted(granted - declared, key=str)
    ]
