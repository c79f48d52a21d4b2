"""What is written of a real image is what its own tools say it has."""

from __future__ import annotations

import json
from pathlib import Path

import docker
import pytest

from airgap.images import catalog
from core.errors import PlatformError
from security.sbom.write import write
from tests.support.inside import printed_alone


def said(reference: str, *command: str) -> list[str]:
    """What a program in the image says, line by line."""
    return printed_alone(reference, *command, network_mode="none").split("\n")[:-1]


@pytest.mark.exhaustive
@pytest.mark.parametrize("service", catalog.SERVICES)
def test_it_has_every_package_and_no_other(service: str, tmp_path: Path) -> None:
    reference = catalog.image_reference(service)
    (line,) = write([service], str(tmp_path / "new"))
    (written,) = (tmp_path / "new").iterdir()
    assert line.startswith(f"{written}: ")
    read = json.loads(written.read_text())
    packages = {(component["name"], component["version"]) for component in read["components"] if component["purl"].startswith("pkg:deb/")}
    installed = said(reference, "dpkg-query", "--show", "--showformat", "${binary:Package} ${Version} ${db:Status-Status}\n")
    assert packages == {(name.partition(":")[0], version) for name, version, status in map(str.split, installed) if status == "installed"}
    assert read["metadata"]["component"]["hashes"][0]["content"] in str(docker.from_env().images.get(reference).id)
    named = {component["purl"].partition("@")[0] for component in read["components"]}
    assert {"weaviate": "pkg:golang/github.com/weaviate/weaviate", "embedder": "pkg:pypi/numpy"}.get(
        service, "pkg:deb/debian/dpkg"
    ) in named
    left = docker.from_env().containers.list(all=True, ignore_removed=True, filters={"label": "com.christmas.purpose=sbom"})
    assert [each for each in left if reference in str(each.attrs["Config"]["Image"])] == []


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="there is no image no/such:image"):
        list(write(["no/such:image"], str(tmp_path)))


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlatformError, match="the folder can't be made"):
        list(write(["redis"], str(tmp_path / "file" / "below")))
