"""Redis' files outside a server: the AOF's manifest, and the results of redis-check-rdb and redis-check-aof."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, cast

from backup.sets.files import SetFiles, plain_file
from backup.sets.model import FileRecord
from core.container_commands import Finished, running
from core.container_files import FileToPut, put_files
from core.errors import PlatformError
from core.helper_containers import helper, outcome

_CHECK_FOLDER = "/tmp/copies"  # noqa: S108 - inside a helper container
# The checkers hold one value in memory, packed and unpacked; a value may have 512 MiB.
_CHECK_MEMORY = "1536m"
_KILLED = 137
_OTHER_DAMAGE = re.compile(r"Expected (?!to read)|Unexpected ")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class AofFile:
    """A line of the AOF's manifest: `type` is b(ase), i(ncremental) or h(istory)."""

    name: str
    sequence: int
    type: Literal["b", "i", "h"]


@dataclass(frozen=True, slots=True)
class RdbContent:
    """The counts of redis-check-rdb."""

    keys: int
    expires: int


class TornTailError(PlatformError):
    """The AOF's last file ends inside a command; its first `whole_bytes` are good."""

    def __init__(self, where: str, whole_bytes: int) -> None:
        super().__init__(
            "the AOF's last file ends inside a command", where=where, next_step="don't use this set; take another one, and make a new one"
        )
        self.whole_bytes = whole_bytes


def parse_aof_manifest(text: str) -> tuple[AofFile, ...]:
    """The files of the AOF, base first, the one being written last, without history files.

    Raises PlatformError if the manifest can't be parsed or names no file to append to.
    """
    files = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        match = re.match(r'file (?P<name>"(?:[^"\\]|\\.)+"|\S+) seq (?P<seq>\d+) type (?P<type>[bih])(?: |$)', line)
        if not match or "/" in match["name"]:
            raise PlatformError(what=f"a line of the AOF's manifest can't be parsed: {line[:80]}", where="appendonlydir")
        files.append(AofFile(match["name"].strip('"'), int(match["seq"]), cast(Literal["b", "i", "h"], match["type"])))
    ordered = [file for file in files if file.type == "b"]
    ordered += sorted((file for file in files if file.type == "i"), key=lambda file: file.sequence)
    if not ordered or ordered[-1].type != "i":
        raise PlatformError(what="the AOF's manifest names no file to append to", where="appendonlydir", next_step="look at Redis' log")
    return tuple(ordered)


def render_aof_manifest(files: Iterable[AofFile]) -> str:
    """The manifest of these files, as Redis writes it."""
    return "".join(f"file {file.name} seq {file.sequence} type {file.type}\n" for file in files)


def with_passwords(acl: str, passwords: Mapping[str, str]) -> str:
    """An ACL with these passwords for these accounts: those in the backup may be outdated."""
    lines = []
    for line in acl.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "user" and words[1] in passwords:
            digest = hashlib.sha256(passwords[words[1]].encode()).hexdigest()
            words = [*words[:2], f"#{digest}", *(word for word in words[2:] if not word.startswith("#"))]
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def check_copies(container: str, files: SetFiles, records: Sequence[FileRecord], rdb: str | None, aof_manifest: str) -> RdbContent | None:
    """Run Redis' checkers, from the image of the running `container`, on the copies in a set; what the RDB holds, if there is one.

    Raises PlatformError that names the damaged file.
    """
    image = running(container).image
    return check_files(str(image.id if image else container), files, records, rdb, aof_manifest)


def check_files(image: str, files: SetFiles, records: Sequence[FileRecord], rdb: str | None, aof_manifest: str) -> RdbContent | None:
    """Run the checkers from an image, given by name or id; needs no server."""
    aof_folder = f"{PurePosixPath(aof_manifest).parent}/"
    entries = [
        FileToPut(f"copies/{record.path}", plain_file(files, record))
        for record in records
        if record.path == rdb or record.path.startswith(aof_folder)
    ]
    script = f"cd {_CHECK_FOLDER} && {f'redis-check-rdb {rdb} && ' if rdb else ''}redis-check-aof {aof_manifest}"
    with helper(image, "redis-check", entrypoint=["sh", "-c"], command=[script], user="0:0", mem_limit=_CHECK_MEMORY) as checker:
        put_files(checker, "/tmp", entries, uid=0, gid=0)  # noqa: S108
        return read_verdict(outcome(checker), files.name, rdb)


def read_verdict(done: Finished, name: str, rdb: str | None) -> RdbContent | None:
    """What the checker of the RDB counted; None where there is no RDB.

    Raises PlatformError if they found damage.
    """
    text = _ANSI.sub("", done.text() + "\n" + done.stderr)
    if done.code == _KILLED:
        raise PlatformError(
            what=f"Redis' checkers were killed, probably for lack of memory (their limit is {_CHECK_MEMORY})",
            where=f"{name}/redis",
            next_step="free memory on this machine, then invoke backup",
        )
    if done.code != 0:
        of_rdb = rdb is not None and "RDB looks OK" not in text
        torn = re.search(r"ok_up_to=(\d+), ok_up_to_line=\d+, diff=[1-9]\d*\nAOF \S+ is not valid. Use the --fix", text)
        # In a file that is only cut off, every byte before the end is good; an unexpected byte is another kind of damage.
        if torn and not of_rdb and not _OTHER_DAMAGE.search(text):
            raise TornTailError(f"{name}/redis/appendonlydir", int(torn[1]))
        said = [line for line in text.splitlines() if line.strip()][-4:]
        raise PlatformError(
            what=("redis-check-rdb" if of_rdb else "redis-check-aof") + " finds the copy damaged: " + " | ".join(said),
            where=f"{name}/{rdb if of_rdb else 'redis/appendonlydir'}",
            next_step="don't use this set; take another one, and make a new one",
        )
    if rdb is None:
        return None
    numbers = {name: re.search(rf"(\d+) {pattern}", text) for name, pattern in (("keys", "keys read"), ("expires", "expires"))}
    return RdbContent(**{name: int(match[1]) if match else 0 for name, match in numbers.items()})
