"""PostgreSQL's login roles, kept as declared at every `up`, not only at the first boot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airgap.toolchain.plugin.messages import Severity
from christmas.blueprint import model as blueprint
from core.container_commands import running
from core.errors import PlatformError
from infra.provider import psql, scram
from infra.provider.declaration import Input, InServer, Output, gives, takes
from infra.provider.found_at_up import FoundAtUp
from infra.provider.kind import Call, Values

if TYPE_CHECKING:
    from docker.models.containers import Container

# Attributes that no account of the platform has.
_NEVER = {
    "superuser": "is a superuser",
    "createdb": "may create databases",
    "createrole": "may create roles",
    "replication": "may replicate",
}


def declared_inputs(role: blueprint.PostgresRole) -> Values:
    """A role of the blueprint as this kind's inputs, without its server and password."""
    return {
        "connection_limit": role.connection_limit,
        "statement_timeout_ms": round(role.statement_timeout.total_seconds() * 1000),
        "member_of": list(role.member_of),
        "settings": dict(role.settings),
        "temporary_files_mib": role.temporary_files_mib,
        # Left out if false, so that older stacks see no change.
        **({"bypass_rls": True} if role.sees_every_row else {}),
    }


def twin_inputs(account: str, role: blueprint.PostgresRole) -> Values:
    """The same for the account's second login: its sessions act as the account's role from their beginning, with the same settings.

    What the role may is what they may: rows hidden or not, objects that they make, and grants are the role's.
    """
    settings = {**dict(role.settings), "role": account}
    return {
        **{name: value for name, value in declared_inputs(role).items() if name != "bypass_rls"},
        "member_of": [account],
        "settings": settings,
    }


def settings_of(inputs: Values) -> dict[str, str]:
    """The role's settings in PostgreSQL's form."""
    settings = {**inputs["settings"], "statement_timeout": str(inputs["statement_timeout_ms"])}
    if mebibytes := inputs.get("temporary_files_mib"):
        settings["temp_file_limit"] = f"{mebibytes}MB"
    return settings


def role_findings(real: dict[str, Any], inputs: Values) -> list[str]:
    """Differences between the real role (sql/role_read.sql) and the declared one, without secrets."""
    return (
        attribute_findings(real, inputs)
        + _password_findings(real, inputs["password"])
        + setting_findings(real["settings"], settings_of(inputs))
    )


def _password_findings(real: dict[str, Any], password: str) -> list[str]:
    if password:
        return ([] if real["login"] else ["may not log in"]) + (
            [] if scram.matches(password, real["verifier"]) else ["has another password"]
        )
    return (["may log in"] if real["login"] else []) + (["has a password"] if real["verifier"] else [])


def attribute_findings(real: dict[str, Any], inputs: Values) -> list[str]:
    """Differences in the role's attributes and memberships, without its password, whether it may log in, and settings."""
    findings = [words for attribute, words in _NEVER.items() if real[attribute]]
    if real["bypassrls"] != inputs.get("bypass_rls", False):
        findings.append("bypasses row security" if real["bypassrls"] else "does not bypass row security")
    if not real["inherit"]:
        findings.append("does not inherit")
    if real["expires"]:
        findings.append("its password expires")
    if real["connection_limit"] != inputs["connection_limit"]:
        findings.append(f"connection limit is {real['connection_limit']}, not {inputs['connection_limit']}")
    if _acts_as(inputs) and (where := real.get("holds")):
        # Sessions that leave the account's role would have it beside what the account may.
        findings.append(f"owns something or was granted something itself in {', '.join(where)}")
    return findings + _membership_findings(real["member_of"], inputs["member_of"])


def _acts_as(inputs: Values) -> str | None:
    """The account whose second login this is; None for any other role."""
    account: str | None = inputs["settings"].get("role")
    return account


def _membership_findings(memberships: list[dict[str, Any]], declared: list[str]) -> list[str]:
    plain = {membership["role"] for membership in memberships if not membership["admin"] and membership["inherit"]}
    odd = {membership["role"] for membership in memberships} - plain
    findings = [f"is not a member of {role}" for role in sorted(set(declared) - plain - odd)]
    findings += [f"is a member of {role}, which is not declared" for role in sorted((plain | odd) - set(declared))]
    return findings + [f"its membership in {role} has other options" for role in sorted(odd & set(declared))]


def setting_findings(settings: list[dict[str, Any]], declared: dict[str, str]) -> list[str]:
    """Differences between a role's settings and the declared ones."""
    everywhere = [pair for setting in settings if setting["database"] is None for pair in setting["settings"]]
    elsewhere = [
        f"{pair.split('=')[0]} is set in database {setting['database']}"
        for setting in settings
        if setting["database"]
        for pair in setting["settings"]
    ]
    return psql.setting_findings(everywhere, declared) + sorted(elsewhere)


def _limit(value: int) -> str | None:
    return None if value >= 1 else "must be at least 1"


class PostgresRole(InServer):
    """A login role without privileged attributes; nobody logs in as it while its password is empty. Its grants are PostgresGrants.

    When removed, it is locked out, and dropped unless it owns something.
    """

    name: Input[str] = takes(replaces=True, rule=psql.name_rule)
    password: Input[str] = takes(secret=True)
    connection_limit: Input[int] = takes(default=20, rule=_limit)
    statement_timeout_ms: Input[int] = takes(default=30_000, rule=lambda value: None if value >= 0 else "is negative")
    member_of: Input[Sequence[Input[str]]] = takes(default=[])
    settings: Input[Mapping[str, Input[str]]] = takes(default={})
    # Only a superuser may set it: unlike statement_timeout and work_mem, the role can't raise it itself.
    temporary_files_mib: Input[int] | None = takes(default=None, rule=_limit)
    # Without a default, so that older stacks see no change for roles without it.
    bypass_rls: Input[bool] | None = None
    drift: Output[list[str]] = gives()


class PostgresRoleKind(FoundAtUp):
    """Sends a verifier, never the password."""

    declared = PostgresRole

    def read(self, call: Call, state: Values, inputs: Values) -> Values | None:  # noqa: D102
        container = call.if_running(inputs["container"], f"role {inputs['name']} was not compared")
        if container is None:
            return state
        real = _read(container, inputs["name"])
        return None if real is None else {"drift": role_findings(real, inputs)}

    def delete(self, call: Call, state: Values, inputs: Values) -> None:  # noqa: D102
        del state
        container = call.if_running(inputs["container"], f"role {inputs['name']} stays in its data, not locked out")
        if container is None:
            return
        psql.run(container, psql.named("role_lock_out"), variables={"name": inputs["name"]})
        try:
            psql.run(container, psql.named("role_drop"), variables={"name": inputs["name"]})
        except PlatformError as error:
            if "cannot be dropped because some objects depend on it" not in error.what:
                raise
            call.log(
                Severity.INFO,
                f"role {inputs['name']} owns objects, so it stays, without password and login, until `pulumi up` takes it over",
            )

    def bring(self, call: Call, inputs: Values, state: Values, old: Values) -> Values:  # noqa: D102
        del call, state, old
        if inputs["name"] == "postgres":
            raise PlatformError(what="the superuser is not an account", where="PostgresRole", next_step="give the role another name")
        container = running(inputs["container"])
        real = _read(container, inputs["name"])
        # A verifier has a random salt: keep a matching one, so that nothing changes without need.
        password = inputs["password"]
        keep = not password or (real is not None and scram.matches(password, real["verifier"]))
        variables = {
            "name": inputs["name"],
            "lock": str(psql.ADVISORY_LOCK),
            "login": "login" if password else "nologin",
            "verifier": "" if keep else scram.verifier(password),
            "connection_limit": str(inputs["connection_limit"]),
            "member_of": inputs["member_of"],
            "settings": settings_of(inputs),
            "bypassrls": "bypassrls" if inputs.get("bypass_rls") else "nobypassrls",
        }
        psql.run(container, psql.named("role_apply"), variables=variables)
        if account := _acts_as(inputs):
            for database in (real or {}).get("holds", []):
                emptied = {"name": inputs["name"], "account": account, "lock": str(psql.ADVISORY_LOCK)}
                psql.run(container, psql.named("twin_emptied"), database=database, variables=emptied)
        return {"drift": []}


def _read(container: Container, name: str) -> dict[str, Any] | None:
    real: dict[str, Any] | None = psql.query(container, psql.named("role_read"), variables={"name": name})
    return real
