"""A clone in a folder whose name holds blanks, `#`, `%` and Hangul keeps its state in itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.cases import in_make_test

if TYPE_CHECKING:
    from .conftest import Clone


@pytest.fixture(params=in_make_test(["C# work/100% 크리스마스", "a?b=c&d", "25%41", "plus+and;semi", "'quoted' \"twice\""], 0))
def odd(request: pytest.FixtureRequest, clone: Clone, tmp_path: Path) -> Clone:
    """The clone in a folder of such a name."""
    root = tmp_path / request.param / "christmas"
    root.parent.mkdir(parents=True)
    shutil.move(clone.root, root)
    clone.root = root
    return clone


@pytest.mark.exhaustive
def test_state_and_passphrase_lie_in_the_clone(odd: Clone, tmp_path: Path) -> None:
    odd.pulumi("stack", "init", "probe")
    assert "probe" in odd.pulumi("stack", "ls").stdout
    odd.pulumi("up", "--yes", "--skip-preview")
    odd.pulumi("up", "--yes", "--skip-preview", folder=odd.root / "app" / "sub")
    assert odd.pulumi("stack", "output", "greeting").stdout.strip() == "hello"
    assert list(odd.state.glob(".pulumi/stacks/tiny/probe.json"))
    assert {path for path in tmp_path.rglob(".pulumi") if path.is_dir()} == {odd.state / ".pulumi"}
    odd.pulumi("destroy", "--yes", "--skip-preview")
    odd.pulumi("stack", "rm", "--yes", "probe")
    assert not list(odd.state.glob(".pulumi/stacks/tiny/probe.json"))
