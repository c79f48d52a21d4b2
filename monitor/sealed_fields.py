"""Whether encrypted columns hold only values that the ring of keys opens, and accept no others."""

from __future__ import annotations

from christmas.blueprint.sealed_fields import ENCRYPTED_FIELDS
from christmas.sealed.ring import from_json
from infra.connections import Platform
from monitor.postgres import connected, query
from monitor.result import Finding, critical, ok, warning
from security.usage import Kind, Usage, judge, key_usage

_ROTATE = "invoke accounts.rotate --keys"
_WRONG = (
    (Kind.PLAIN, "are not sealed", "docs/security.md says how to get rid of them"),
    (Kind.FOREIGN, "are sealed with a key that the ring does not have", "docs/security.md says how to get a ring back"),
    (Kind.RETIRED, "are sealed with a retired key", f"{_ROTATE} seals them anew"),
)


def fields(platform: Platform) -> Finding:
    """Every value is sealed with a key of the ring that is not retired, and a valid CHECK on each column refuses plain text."""
    ring = from_json(platform.field_keys)
    with connected(platform) as connection:
        unguarded = connection.execute(
            query("unguarded_fields"),
            {"tables": [field.table for field in ENCRYPTED_FIELDS], "columns": [field.column for field in ENCRYPTED_FIELDS]},
        ).fetchall()
        usages = key_usage(connection)
    by_kind = judge(ring, usages)
    for kind, fault, next_step in _WRONG:
        if wrong := by_kind[kind]:
            values = sum(usage.values for usage in wrong)
            return critical(f"{values} values {fault}: {_named(wrong)}", next_step, values, "values")
    if unguarded:
        names = ", ".join(f"{table}.{column}" for table, column in unguarded)
        return critical(
            f"no valid CHECK refuses plain text in {names}", "invoke migrate.drift shows what differs", len(unguarded), "columns"
        )
    if older := sum(usage.values for usage in by_kind[Kind.OLDER]):
        return warning(f"{older} values wait to be sealed with key {ring.active.number}", f"{_ROTATE} goes on", older, "values")
    sealed = sum(usage.values for usage in by_kind[Kind.ACTIVE])
    return ok(f"{sealed} values sealed with key {ring.active.number}", sealed, "values")


def _named(usages: list[Usage]) -> str:
    return ", ".join(f"{usage.field}{f' with key {usage.number}' if usage.number else ''}" for usage in usages)
