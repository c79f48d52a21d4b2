"""What a cold run made is taken over into a user's cache only as it was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from airgap.setup.take_over import record, take_over, tree_hash


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A cache with one finished artifact, and one that was never finished."""
    folder = tmp_path / "source" / "toolchain" / "go-1"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "go").write_text("#!/bin/sh\n")
    (folder / "bin" / "go").chmod(0o755)
    (folder / "latest").symlink_to("bin/go")
    record(folder)
    (tmp_path / "source" / "toolchain" / "pulumi-2.draft.x").mkdir()
    return tmp_path / "source"


def test_a_finished_artifact_is_copied_once(source: Path, tmp_path: Path) -> None:
    assert list(take_over(source, tmp_path / "mine")) == ["go-1: taken over"]
    copy = tmp_path / "mine" / "toolchain" / "go-1"
    assert tree_hash(copy) == tree_hash(source / "toolchain" / "go-1")
    assert [path.name for path in sorted(copy.parent.iterdir())] == ["go-1", "go-1.sha256"]
    assert list(take_over(source, tmp_path / "mine")) == ["go-1: there already"]


@pytest.mark.parametrize("change", ["content", "mode", "name", "link", "added"])
def test_one_that_has_changed_is_refused(source: Path, tmp_path: Path, change: str) -> None:
    folder = source / "toolchain" / "go-1"
    go = folder / "bin" / "go"
    if change == "content":
        go.write_text("#!/bin/sh\nrm -rf /\n")
    elif change == "mode":
        go.chmod(0o644)
    elif change == "name":
        go.rename(folder / "bin" / "gofmt")
    elif change == "link":
        (folder / "latest").unlink()
        (folder / "latest").symlink_to("/bin/sh")
    else:
        (folder / "more").touch()
    assert list(take_over(source, tmp_path / "mine")) == ["go-1: refused, its files are not those that were made"]
    assert list((tmp_path / "mine" / "toolchain").iterdir()) == []
