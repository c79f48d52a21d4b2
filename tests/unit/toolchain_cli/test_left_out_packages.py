from __future__ import annotations

import re
from pathlib import Path

import pytest

from airgap.images.catalog import inputs_hash
from airgap.images.versions import WEAVIATE
from airgap.toolchain import go_build, locate
from airgap.toolchain.locate import LEFT_OUT, LEFT_OUT_OF_CLI, built_folder, left_out_files

MODULE = "example.org/module"


@pytest.fixture
def left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder where `go/left_out` is otherwise."""
    folder = tmp_path / "left_out"
    (folder / MODULE).mkdir(parents=True)
    for room in (locate, go_build):
        monkeypatch.setattr(room, "LEFT_OUT", folder)
    return folder / MODULE


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def _texts(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_copied_module_has_ours_instead_of_what_is_left_out(tmp_path: Path, left_out: Path) -> None:
    source = _write(
        tmp_path / "source",
        {
            "go.mod": "module",
            "kept/a.go": "a",
            "kept/a_test.go": "test",
            "kept/testdata/big.json": "data",
            "gone/a.go": "a",
            "gone/b.go": "b",
            "gone/below/c.go": "c",
            "half/a.go": "a",
            "half/b.go": "b",
        },
    )
    for folder in [source, *(path for path in source.rglob("*") if path.is_dir())]:
        folder.chmod(0o555)  # as in Go's module cache
    _write(left_out, {"gone/left_out.go": "ours", "half/b.go": "ours", "new/left_out.go": "ours"})
    target = tmp_path / "target"
    go_build._copy_module(source, MODULE, target)
    assert _texts(target) == {
        "go.mod": "module",
        "kept/a.go": "a",
        "gone/left_out.go": "ours",
        "gone/below/c.go": "c",
        "half/a.go": "a",
        "half/b.go": "ours",
        "new/left_out.go": "ours",
    }


def test_a_change_of_what_is_left_out_is_a_new_cli_and_a_new_image(left_out: Path) -> None:
    module = LEFT_OUT_OF_CLI[0]
    before = built_folder().name
    _write(left_out.parents[1] / module, {"blob/left_out.go": "package blob"})
    assert built_folder().name != before
    assert locate.left_out_hash(WEAVIATE.module) == locate.left_out_hash()
    _write(left_out.parents[1] / WEAVIATE.module, {"modules/left_out.go": "package modules"})
    assert locate.left_out_hash(WEAVIATE.module) != locate.left_out_hash()


def test_the_image_of_weaviate_knows_what_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from airgap.images import versions

    assert locate.left_out_hash(WEAVIATE.module) in versions.IMAGES["weaviate"].pins
    assert len(inputs_hash("weaviate")) == 12


def test_every_file_that_is_left_out_belongs_to_a_module_that_a_build_changes() -> None:
    known = {file for module in (*LEFT_OUT_OF_CLI, WEAVIATE.module) for file in left_out_files(module)}
    assert known == set(LEFT_OUT.rglob("*.go"))
    assert len(known) > 10


def test_each_module_of_weaviate_that_is_left_out_keeps_its_name() -> None:
    stubs = [file for file in left_out_files(WEAVIATE.module) if file.parent.name != "leftout"]
    assert stubs
    for file in stubs:
        assert re.findall(r'const Name = "(.*)"', file.read_text()) == [file.parent.name]
    names = {file.parent.name for file in stubs}
    assert names.isdisjoint({"text2vec-openai", "backup-filesystem", "backup-s3"})
    assert "backup-gcs" in names


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ('{"Dir": "/a"}\n{"Dir": "/b"}\n', [{"Dir": "/a"}, {"Dir": "/b"}]),
        ('{\n\t"Dir": "/a"\n}\n', [{"Dir": "/a"}]),
        ("no JSON", []),
        ('{"Dir": "/a"}{"Dir', [{"Dir": "/a"}]),
    ],
)
def test_values_are_read_one_after_another(text: str, values: list[dict[str, str]]) -> None:
    assert go_build._json_values(text) == values
