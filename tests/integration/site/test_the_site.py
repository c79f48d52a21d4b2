"""`make docs` in a copy of the clone: strict, complete, and without a request to anywhere else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands.site.build import documents

pytestmark = pytest.mark.exhaustive

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git knows, with this environment."""
    folder = tmp_path_factory.mktemp("clone")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name, follow_symlinks=False)
    return folder


def make(clone: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "commands.make_targets", "docs"]
    return subprocess.run(command, cwd=clone, env={"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "PYTHONPATH": str(clone)},
                          capture_output=True, text=True, check=False)  # fmt: skip


def test_every_document_is_a_page_and_nothing_is_loaded_from_elsewhere(clone: Path) -> None:
    done = make(clone)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(clone / "site").as_posix(): path.read_text() for path in (clone / "site").rglob("*.html")}
    expected = {re.sub(r"README\.md$", "index.md", place).removesuffix(".md") + ".html" for place in documents(clone).values()}
    assert expected <= pages.keys()
    loaded = re.compile(r'<(?:script|img|iframe)[^>]*\ssrc="?https?:|<link[^>]*rel="?(?:stylesheet|preconnect|icon)"?[^>]*href="?https?:')
    assert {name for name, page in pages.items() if loaded.search(page)} == set()


def test_a_link_that_leads_nowhere_ends_it(clone: Path) -> None:
    page = clone / "docs" / "backup.md"
    text = page.read_text()
    page.write_text(text + "\n[nowhere](checks.md#no-such-heading)\n")
    try:
        done = make(clone)
    finally:
        page.write_text(text)
    assert done.returncode != 0
    assert "no-such-heading" in done.stdout + done.stderr
