"""`make docs`: the clone's documents become a site in `site/`, built with every warning an error."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from airgap.setup.installer import uv
from commands.site.pages import place_of, settings_page, tasks_page, with_links_of_the_site
from core.errors import PlatformError
from core.progress import Progress
from core.runner import Step, run_steps

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "site.txt"
WORK = ROOT / ".christmas" / "site"
SITE = ROOT / "site"


def documents(root: Path = ROOT) -> dict[str, str]:
    """The place in the site of each document of the clone."""
    paths = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "bench").glob("*.md")]
    names = [path.relative_to(root).as_posix() for path in paths]
    return {name: place_of(name) for name in sorted(names) if not name.startswith("docs/adr/0000-")}


def stage(to: Path, root: Path = ROOT) -> None:
    """Write the site's sources into an emptied folder: documents, their pictures, and the pages made from tasks and settings."""
    import tasks
    from infra.settings import Settings

    shutil.rmtree(to, ignore_errors=True)
    places = documents(root)
    for path, place in places.items():
        target = to / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(with_links_of_the_site((root / path).read_text(encoding="utf-8"), path, places), encoding="utf-8")
    pictures = [
        picture for folder in ("docs", "bench") for kind in ("png", "svg", "webp") for picture in (root / folder).rglob(f"*.{kind}")
    ]
    for picture in pictures:
        target = to / picture.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, target)
    reference = to / "docs" / "reference"
    reference.mkdir(parents=True)
    (reference / "tasks.md").write_text(tasks_page(tasks.namespace), encoding="utf-8")
    (reference / "settings.md").write_text(settings_page(Settings.model_json_schema()), encoding="utf-8")


def _install(progress: Progress) -> None:
    """Bring the generator's own environment to the lock's state. The tasks' environment stays as it is."""
    python = WORK / "venv" / "bin" / "python"
    if not python.exists():
        arguments = ["venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, str(WORK / "venv")]
        uv(progress, *arguments, doing="making an environment for the site's generator")
    sync = ["pip", "sync", "--python", str(python), "--require-hashes", str(LOCK)]
    uv(progress, *sync, doing="installing the site's generator")


def _build(progress: Progress) -> None:
    progress.status("writing the site's sources")
    stage(WORK / "source")
    progress.status("building the site")
    command = [
        str(WORK / "venv" / "bin" / "python"),
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(ROOT / "mkdocs.yml"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PlatformError(
            "the site can't be built",
            where="the generator's words:\n    " + "\n    ".join((done.stdout + done.stderr).strip().splitlines()[-20:]),
            next_step="mend the links or the navigation (mkdocs.yml) that it names, then: make docs",
        )


def make(*, debug: bool = False) -> int:
    """Make the site; returns an exit code."""
    code = run_steps(
        [
            Step("generator", "MkDocs, in an environment of its own, turns the documents into pages", _install),
            Step("site", "every warning is an error: a link that leads nowhere, a document that no menu has", _build),
        ],
        again="make docs",
        debug=debug,
    )
    if code == 0:
        print(f"Open {SITE / 'index.html'}")
    return code
