from __future__ import annotations

import dataclasses
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airgap.images import catalog
from airgap.images.catalog import FOLDER, KNOWN, ROOT, SERVICES, build_command, context_files, image_reference, inputs_hash, source_folder
from airgap.images.versions import IMAGES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the images' sources that a test may change."""
    copy = tmp_path / "images"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.mark.parametrize("service", SERVICES)
def test_reference_names_service_version_and_inputs(service: str) -> None:
    repository, _, tag = image_reference(service).partition(":")
    assert repository == f"{catalog.REPOSITORY}/{service}"
    assert re.fullmatch(rf"{re.escape(IMAGES[service].tag)}-[0-9a-f]{{12}}", tag)
    assert build_command(service).endswith(f" {service}")


def test_an_unknown_service_has_no_image() -> None:
    with pytest.raises(KeyError):
        image_reference("mongodb")


def _append(path: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / path).open("a") as file:
            file.write("# changed\n")

    return change


def _write(path: str, text: str = "x") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)

    return change


def _chmod(path: str, mode: int) -> Callable[[Path], None]:
    return lambda folder: (folder / path).chmod(mode)


def _rename(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / old).rename(folder / new)

    return change


CHANGES = [
    ("Dockerfile", _append("timescaledb/Dockerfile"), True),
    ("entrypoint", _append("timescaledb/docker-entrypoint.sh"), True),
    ("a new file", _write("timescaledb/extra.sql"), True),
    ("a new file in a folder", _write("timescaledb/sql/extra.sql"), True),
    ("a renamed file", _rename("timescaledb/docker-entrypoint.sh", "timescaledb/entrypoint.sh"), True),
    ("no longer executable", _chmod("timescaledb/docker-entrypoint.sh", 0o644), True),
    ("another service", _append("redis/Dockerfile"), False),
    ("the builder", _append("build.py"), False),
    ("documentation", _write("timescaledb/README.md"), False),
    ("compiled Python", _write("timescaledb/__pycache__/x.cpython-311.pyc"), False),
    ("an editor's file", _write("timescaledb/.Dockerfile.swp"), False),
    ("group may write", _chmod("timescaledb/docker-entrypoint.sh", 0o775), False),
]


@pytest.mark.parametrize(("change", "matters"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_only_what_is_in_the_image_changes_its_tag(folder: Path, change: Callable[[Path], None], matters: bool) -> None:
    before = inputs_hash("timescaledb", folder)
    change(folder)
    assert (inputs_hash("timescaledb", folder) != before) is matters


def test_a_clone_elsewhere_has_the_same_tags(folder: Path) -> None:
    assert {service: inputs_hash(service, folder) for service in SERVICES} == {service: inputs_hash(service) for service in SERVICES}


def test_bytes_moved_from_one_file_to_the_next_change_the_tag(folder: Path) -> None:
    (folder / "redis/a").write_text("one")
    (folder / "redis/b").write_text("two")
    before = inputs_hash("redis", folder)
    (folder / "redis/a").write_text("onetw")
    (folder / "redis/b").write_text("o")
    assert inputs_hash("redis", folder) != before


@pytest.mark.parametrize(("field", "value"), [("arguments", {"REDIS_VERSION": "5:8.1.*"}), ("pins", ("something else",))])
def test_a_changed_version_changes_the_tag(monkeypatch: pytest.MonkeyPatch, field: str, value: object) -> None:
    before = inputs_hash("redis")
    changed = dataclasses.replace(IMAGES["redis"], **{field: value})  # type: ignore[arg-type]
    monkeypatch.setattr(catalog, "IMAGES", {**IMAGES, "redis": changed})
    assert inputs_hash("redis") != before


@pytest.mark.parametrize(("name", "value"), [("REFRESHED", "2031-01-01"), ("UPSTREAM_BASE", "debian:forky-slim")])
def test_a_refreshed_base_changes_every_tag(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    before = {image_reference(service) for service in SERVICES}
    monkeypatch.setattr(catalog, name, value)
    assert before.isdisjoint(image_reference(service) for service in SERVICES)


@pytest.mark.parametrize(
    "part", ["christmas/blueprint/keyspaces_and_ttls.py", "requirements/trading-desk.txt", "examples/trading_desk/sql/add_user.sql"]
)
def test_an_example_has_another_tag_with_another_library_or_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    for name in ("christmas", "requirements", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = inputs_hash("trading_desk")
    monkeypatch.setattr(catalog, "ROOT", tmp_path)
    assert inputs_hash("trading_desk") == before
    _append(part)(tmp_path)
    assert inputs_hash("trading_desk") != before


@pytest.mark.parametrize("service", KNOWN)
def test_every_file_that_a_dockerfile_copies_is_there(service: str) -> None:
    present = {path.relative_to(source_folder(service)).parts[0] for path in context_files(service)}
    lines = (source_folder(service) / "Dockerfile").read_text().splitlines()
    copied = {source.split("/")[0] for line in lines if line.startswith("COPY ") for source in line.split()[1:-1]}
    assert copied or present == {"Dockerfile"}
    assert [name for name in copied - {"artifacts"} if not fnmatch.filter(present, name)] == []


@pytest.mark.parametrize("service", KNOWN)
def test_dockerfile_declares_exactly_the_arguments_that_it_is_given(service: str) -> None:
    text = (source_folder(service) / "Dockerfile").read_text()
    declared = set(re.findall(r"^ARG (\w+)$", text, flags=re.MULTILINE))
    assert declared == {"BASE_IMAGE", *IMAGES[service].arguments}
    assert not re.search(r"^ARG \w+=", text, flags=re.MULTILINE), "versions belong into versions.py"


@pytest.mark.parametrize("service", KNOWN)
def test_every_dockerfile_has_a_user_a_health_check_and_a_stop_signal(service: str) -> None:
    text = (source_folder(service) / "Dockerfile").read_text()
    user = re.findall(r"^USER (\S+)$", text, flags=re.MULTILINE)[-1]
    assert user.split(":")[0].isdigit()
    assert int(user.split(":")[0]) > 0
    assert re.search(r"^HEALTHCHECK .*CMD \[|^HEALTHCHECK .*\\\n\s+CMD \[", text, flags=re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIG(INT|TERM)$", text, flags=re.MULTILINE)
    assert "org.opencontainers.image.version" in text


def test_names_are_had_without_importing_docker_or_pulumi() -> None:
    program = """
import sys
from airgap.images.catalog import image_reference
image_reference("redis")
print([name for name in ("docker", "pulumi") if name in sys.modules])
"""
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"


def test_a_run_with_images_of_its_own_has_other_names_and_the_same_hashes() -> None:
    program = "from airgap.images import catalog; print(catalog.image_reference('redis'), catalog.BASE_IMAGE)"
    environment = {**os.environ, "CHRISTMAS_IMAGES": "christmas-ci-7"}
    shown = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert shown == [f"christmas-ci-7/redis:{IMAGES['redis'].tag}-{inputs_hash('redis')}", f"christmas-ci-7/{catalog.UPSTREAM_BASE}"]
