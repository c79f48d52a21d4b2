"""What a release consists of: images, what each consists of, the library's wheel, the changelog's words, and the sums of all files.

Signing needs an identity that a registry of signatures knows: `.github/workflows/release.yaml` does it, with what is written here.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from airgap.images.build import ensure_images
from airgap.images.catalog import KNOWN, ROOT
from core.disk import write_whole
from core.docker_client import docker_client
from core.errors import PlatformError
from core.progress import Progress
from core.terminal import json_text
from security.sbom import write as sbom

UNRELEASED = "Unreleased"
_WHERE = "images.release"


def release(version: str, out: str, push: str, services: Sequence[str], progress: Progress) -> list[Path]:
    """Write the release's files into a new folder, and push its images to a registry where one is named; returns the files.

    Without a version it is a rehearsal. Raises PlatformError before anything is built where the version is not that of the sources, the
    changelog says nothing of it, or files were changed; and where something can't be built, written or pushed.
    """
    notes = notes_of((ROOT / "CHANGELOG.md").read_text("utf-8"), version)
    if version:
        _require_these_sources(version)
    folder = Path(out).expanduser()
    if folder.exists() and any(folder.iterdir()):
        raise PlatformError(what="the folder is not empty", where=str(folder), next_step="remove it, or give another --out")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "notes.md", notes, mode=0o644)
    progress.status("images")
    references = ensure_images(services or KNOWN, progress)
    progress.status("the library's wheel")
    _build_wheel(folder)
    documents: dict[str, str] = {}
    for service in references:
        progress.status(f"what {service} consists of")
        (line,) = sbom.write([service], str(folder))
        documents[service] = Path(line.partition(": ")[0]).name
        progress.log(line)
    images = [
        {
            "service": service,
            "image": reference,
            "sbom": documents[service],
            "pushed": _push(reference, f"{push}/{service}", version or "rehearsal", progress) if push else "",
        }
        for service, reference in references.items()
    ]
    write_whole(folder / "pushed.json", json_text(images), mode=0o644)
    files = sorted(folder.iterdir())
    write_whole(folder / "SHA256SUMS", sums(files), mode=0o644)
    return [*files, folder / "SHA256SUMS"]


def notes_of(changelog: str, version: str) -> str:
    """The changelog's part on a version, or on what is not released yet. Pure.

    Raises PlatformError where it has none.
    """
    heading = version or UNRELEASED
    part = re.search(rf"^## \[?{re.escape(heading)}\]?(?: [^\n]*)?\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if part is None or not part[1].strip():
        raise PlatformError(
            what=f"the changelog says nothing of {heading}", where="CHANGELOG.md", next_step=f"give its part the heading `## {heading}`"
        )
    return part[1].strip() + "\n"


def sums(files: Sequence[Path]) -> str:
    """The files' SHA-256, as `sha256sum --check` reads them."""
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)


def _require_these_sources(version: str) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if version != declared:
        raise PlatformError(
            what=f"the sources are of version {declared}, not {version}",
            where="pyproject.toml",
            next_step="set it there, commit and tag",
        )
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    if changed.returncode != 0 or changed.stdout:
        first = (changed.stdout or changed.stderr).strip().partition("\n")[0]
        raise PlatformError(
            what=f"the sources are not those of a commit: {first}",
            where=str(ROOT),
            next_step="commit it; or rehearse, without --version",
        )


def _build_wheel(folder: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder.resolve())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise PlatformError(
            what=f"the library's wheel can't be built: {said}", where=_WHERE, next_step="make lint brings the tools that are missing"
        )


def _push(reference: str, repository: str, tag: str, progress: Progress) -> str:
    """Push an image under the release's tag; returns its name with the digest that the registry gave, which is what gets signed."""
    progress.status(f"pushing {repository}:{tag}")
    client = docker_client()
    client.images.get(reference).tag(repository, tag)
    digest = ""
    for event in client.api.push(repository, tag, stream=True, decode=True):
        if "error" in event:
            raise PlatformError(
                what=f"{repository}:{tag} can't be pushed: {event['error']}",
                where=_WHERE,
                next_step="see that the registry answers, and log in to it: docker login",
            )
        digest = event.get("aux", {}).get("Digest", digest)
    progress.log(f"pushed {repository}@{digest}")
    return f"{repository}@{digest}"
