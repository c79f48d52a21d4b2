"""The pictures of the documents, taken anew from a stack that is up: `python -m tests.pictures STACK`.

They show what is there, with the stack's name as `dev` and this clone as `~/christmas`; what else would tell of the machine ends it.
Backup sets, a drill and some hours of the schedule make them worth looking at.
"""

from __future__ import annotations

import getpass
import io
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from console.report.gathered import gather
from console.report.page import page
from infra import connections
from security.matrix.declared import logins, matrix
from security.matrix.page import page as matrix_page
from tests.support.browser import Browser, browser

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 150_000
COLUMNS = 118


def anonymous(text: str, stack: str) -> str:
    """The text with the names of an ordinary stack in an ordinary place. Raises ValueError for one that tells of this machine."""
    for own, ordinary in ((str(ROOT), "~/christmas"), (str(Path.home()), "~"), (stack, "dev")):
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(own)}(?![A-Za-z0-9])", ordinary, text)
    telling = {socket.gethostname(), socket.getfqdn(), getpass.getuser()} - {"root", "localhost"}
    seen = sorted(name for name in telling if re.search(rf"\b{re.escape(name)}\b", text))
    if seen:
        raise ValueError(f"the picture would tell of this machine: {', '.join(seen)}")
    return text


def _terminal(task: str, stack: str) -> str:
    """What a task shows on a terminal, as a page."""
    typed = ["script", "--quiet", "--command", f"stty cols {COLUMNS}; {Path(sys.executable).parent / 'invoke'} {task}", "/dev/null"]
    environment = {**os.environ, "CHRISTMAS_STACK": stack, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(typed, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    shown = Text.from_ansi(f"$ invoke {task}\n" + anonymous(done.stdout.replace("\r\n", "\n"), stack))
    drawn = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    drawn.print(shown)
    return drawn.export_html(theme=MONOKAI, inline_styles=True)


@dataclass(frozen=True)
class Shot:
    """A page, how it is shown, and the part that is taken: from the element `begin` to `end`, of at most `height`."""

    page: str
    width: int = 1280
    dark: bool = False
    opened: str = "details.none"
    begin: str = "body"
    end: str = ""
    height: int = 900


def _take(window: Browser, shot: Shot, picture: Path) -> None:
    window.run(f"document.querySelectorAll({json.dumps(shot.opened)}).forEach(each => each.open = true)")
    place = "document.querySelector({}).getBoundingClientRect().top + scrollY"
    top = window.run(place.format(json.dumps(shot.begin)))
    bottom = window.run(place.format(json.dumps(shot.end)) if shot.end else "document.body.scrollHeight")
    begin = max(0, top - 12)
    window.picture(picture, {"x": 0, "y": begin, "width": shot.width, "height": min(shot.height, bottom - begin), "scale": 1})


def main(stack: str) -> None:
    """Take all of them."""
    report = anonymous(page(gather(connections.load(stack))), stack)
    shots = {
        "report": Shot(report, end="#growth"),
        "report-on-a-phone": Shot(report, 360, dark=True, height=760),
        "slow-queries": Shot(report, dark=True, begin="#slow", end="#audit", opened="#slow ~ table tr:nth-child(-n+2) details"),
        "access-matrix": Shot(matrix_page({**logins(), **matrix()}), opened="details:nth-of-type(-n+3)", height=700),
        "status": Shot(_terminal("status", stack), 1160, dark=True),
    }
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder) / "profile") as window:
        for name, shot in shots.items():
            file, picture = Path(folder) / f"{name}.html", PICTURES / f"{name}.webp"
            file.write_text(shot.page)
            window.width(shot.width, dark=shot.dark)
            window.open(file.as_uri())
            _take(window, shot, picture)
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size / 1000:.0f} kB")
            if picture.stat().st_size > MOST_BYTES:
                raise ValueError(f"{picture} is larger than {MOST_BYTES} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
