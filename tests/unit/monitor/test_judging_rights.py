"""How bad differences in PostgreSQL's roles are: what opens something or hides what is done is critical, the rest a warning."""

from __future__ import annotations

from typing import Any

import pytest

from christmas.blueprint.audited import AUDIT_RIGHTS, AUDIT_ROLE
from infra.provider.postgres_role import declared_inputs, settings_of
from monitor.result import Status
from monitor.rights import judge_rights


def role(**changes: Any) -> dict[str, Any]:
    """The audit's role as a server has it."""
    inputs = declared_inputs(AUDIT_RIGHTS)
    settings = [{"database": None, "settings": [f"{name}={value}" for name, value in settings_of(inputs).items()]}]
    flags = dict.fromkeys(("login", "superuser", "createdb", "createrole", "replication", "bypassrls", "expires"), False)
    return {**flags, "inherit": True, "connection_limit": 1, "member_of": [], "settings": settings, **changes}


def of(**changes: Any) -> Status:
    return judge_rights({AUDIT_ROLE: role(**changes)}, [], [], "dev").status


def test_the_audits_role_as_declared_is_ok() -> None:
    assert of() is Status.OK


@pytest.mark.parametrize(
    "changes",
    [{"login": True}, {"superuser": True}, {"settings": [{"database": None, "settings": ["pgaudit.role=", "statement_timeout=30000"]}]}],
)
def test_what_it_must_never_be_is_critical(changes: dict[str, Any]) -> None:
    assert of(**changes) is Status.CRITICAL


def test_other_settings_are_a_warning() -> None:
    assert of(settings=[{"database": None, "settings": ["work_mem=8GB"]}]) is Status.WARNING


@pytest.mark.parametrize(
    "told", [f"there is no role {AUDIT_ROLE}", "pgaudit.role is '', not 'x'", f"{AUDIT_ROLE}: select on users is missing"]
)
def test_a_gap_in_the_audit_is_critical(told: str) -> None:
    found = judge_rights({AUDIT_ROLE: role()}, [], [], "dev", [told])
    assert (found.status, told in found.message) == (Status.CRITICAL, True)
