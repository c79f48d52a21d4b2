"""The site's sources, before its generator reads them. That all of it builds: tests/integration/site."""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks
from commands.site.build import documents, stage
from commands.site.pages import settings_page, tasks_page, with_links_of_the_site
from infra.settings import Settings, known_settings

PLACES = {"README.md": "index.md", "docs/a.md": "docs/a.md", "docs/sub/README.md": "docs/sub/README.md"}


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("docs/a.md", "[x](../README.md#top)", "[x](../index.md#top)"),
        ("README.md", "[x](docs/a.md)", "[x](docs/a.md)"),
        ("docs/a.md", "[x](sub/)", "[x](sub/README.md)"),
        ("docs/sub/README.md", "[x](../a.md#b)", "[x](../a.md#b)"),
        ("docs/a.md", "[`core/`](../core/) and [y](#here)", "`core/` and [y](#here)"),
        ("docs/a.md", "[x](https://example.org/a.md)", "[x](https://example.org/a.md)"),
        ("docs/a.md", "```\n[x](../core/)\n```\n[x](../core/)", "```\n[x](../core/)\n```\nx"),
        ("docs/a.md", "![x](../core/x.png)", "![x](../core/x.png)"),
    ],
)
def test_links_lead_to_pages_and_those_to_code_are_words(path: str, text: str, expected: str) -> None:
    assert with_links_of_the_site(text, path, PLACES) == expected + "\n"


def test_every_task_has_a_heading_its_options_and_an_example() -> None:
    # Somebody else has read the arguments before: invoke takes their help away then.
    assert len([tasks.namespace[name].get_arguments() for name in tasks.namespace.task_names]) > 40
    page = tasks_page(tasks.namespace)
    names = set(tasks.namespace.task_names)
    assert {line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")} == names
    assert "| `--kind`" in page or "| `--full`" in page
    assert "    invoke backup --full" in page or "    invoke backup" in page
    assert "|  |" not in page, "an option without a word"


def test_every_setting_is_described() -> None:
    schema = Settings.model_json_schema()
    assert [name for name, field in schema["properties"].items() if len(field.get("description", "")) < 10] == []
    page = settings_page(schema)
    assert len(known_settings()) > 10
    assert [name for name in known_settings() if f"`{name}`" not in page and f"`christmas:{name}`" not in page] == []


def test_all_documents_are_staged_and_what_was_there_before_is_gone(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "old.md").write_text("x")
    stage(tmp_path / "source")
    written = {path.relative_to(tmp_path / "source").as_posix() for path in (tmp_path / "source").rglob("*.md")}
    assert written == {*documents().values(), "docs/reference/tasks.md", "docs/reference/settings.md"}
    assert "index.ko.md" in written
