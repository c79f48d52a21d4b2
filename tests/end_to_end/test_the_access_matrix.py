"""The access matrix of a whole stack: declared, shown in every form, and tried by the command."""

import json

import pytest

pytestmark = pytest.mark.exhaustive


def test_all_of_it_is_tried_and_is_as_declared(stack, tmp_path):
    """On a stack as `up` leaves it: with its pg_hba.conf, its ACL file and its roles."""
    html = tmp_path / "matrix.html"
    done = stack.invoke("accounts.matrix", "--prove", "--json", "--html", str(html))
    document = json.loads(done.stdout)
    assert [cell for cell in document["cells"] if cell["differs"] or cell["answer"] == "unknown"] == []
    assert (document["not_in_the_log"], document["logs_not_read"], document["exit_code"]) == ([], [], 0)
    assert len(document["cells"]) >= 500
    page = html.read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "differ, " in page


def test_it_is_run_again_and_the_checks_stay_quiet(stack):
    assert "0 differ, 0 unknown" in stack.invoke("accounts.matrix", "--prove", "--account", "app").stdout
    checks = json.loads(stack.check("--json", "--only", "redis.refusals", "--only", "weaviate.refusals").stdout)
    assert {check["name"]: check["status"] for check in checks["checks"]} == {"redis.refusals": "ok", "weaviate.refusals": "ok"}
