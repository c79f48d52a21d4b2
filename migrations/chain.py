"""The chain of revisions: one file per number, each after exactly one other. Finds and renumbers branches with the same number.

Git merges two such branches without a conflict, since the files have different names. Alembic warns, and runs one of the two.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import PlatformError
from migrations.house_rules import Finding
from migrations.statements import FOLDER

VERSIONS = Path(__file__).resolve().parent / "versions"
_NUMBER = re.compile(r"r?(\d{4})_")
MEND = "renumber the one that no database has yet: invoke migrate.renumber FILE"


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision's file, its identifier and its parent; None for the first."""

    path: Path
    revision: str
    after: str | None


def revisions(folder: Path = VERSIONS) -> list[Revision]:
    """The revisions of a folder, by file name, read without running them. Raises PlatformError for a file that is not a revision."""
    return [_read(path) for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]


def faults(folder: Path = VERSIONS, sql: Path = FOLDER) -> list[Finding]:
    """Breaks of the chain, and SQL files whose number two revisions share."""
    known_revisions = revisions(folder)
    by_number, by_parent = defaultdict(list), defaultdict(list)
    for listed in known_revisions:
        by_number[listed.revision].append(listed)
        by_parent[listed.after].append(listed)
    findings = []
    for number, group in sorted(by_number.items()):
        if len(group) > 1:
            findings += [_finding(revision, f"revision {number} is in {_names(group)}: {MEND}") for revision in group]
    for parent, group in by_parent.items():
        if len({revision.revision for revision in group}) > 1:
            problem = f"{_names(group)} both come after {parent or 'nothing'}: {MEND}"
            findings += [_finding(revision, problem) for revision in group]
    for revision in known_revisions:
        if revision.after is not None and revision.after not in by_number:
            findings.append(_finding(revision, f"comes after revision {revision.after}, which no file has: restore that file from git"))
        if (named := _NUMBER.match(revision.path.name)) is None or named[1] != revision.revision:
            findings.append(_finding(revision, f"has revision {revision.revision}: its name must begin with r{revision.revision}_"))
    return findings + _shared_sql(sql, by_number)


def _shared_sql(sql: Path, by_number: dict[str, list[Revision]]) -> list[Finding]:
    """SQL files with the number of a revision but another name."""
    findings = []
    for number, group in sorted(by_number.items()):
        names = {path.name.split(".")[0] for path in sql.glob(f"{number}_*.sql")}
        if len(group) == 1 and len(names) > 1:
            problem = f"the SQL of revision {number} has several names: {', '.join(sorted(names))}; rename or remove the others"
            findings.append(_finding(group[0], problem))
    return findings


def require_sound(folder: Path = VERSIONS, sql: Path = FOLDER) -> None:
    """Raise PlatformError with the files and the fixing command unless the revisions are a single chain."""
    findings = faults(folder, sql)
    if findings:
        raise PlatformError(
            f"the migrations are not a single chain: {'; '.join(dict.fromkeys(finding.message for finding in findings))}",
            where=f"migrations/versions: {', '.join(dict.fromkeys(finding.file for finding in findings))}",
            next_step="renumber the revision that no database has yet: invoke migrate.renumber FILE; invoke migrate.lint shows all",
        )


def renumber(names: Sequence[str], folder: Path = VERSIONS, sql: Path = FOLDER, *, alone: bool = False) -> list[Path]:
    """Move revisions behind the highest number, in the given order, and rename their SQL. Returns their files.

    For one of two revisions that share a number or parent, and those built on it, if no database has applied them yet.
    Raises PlatformError if a file is not a revision or nothing needs a fix, and, unless `alone`, if a revision after
    that number is not named: it may have been built on the one that moves.
    """
    known_revisions = revisions(folder)
    by_name = {revision.path.name: revision for revision in known_revisions}
    unknown = [name for name in names if Path(name).name not in by_name]
    if unknown or not names:
        raise _refused(f"{', '.join(unknown) or 'nothing'} is not a revision", f"name some of {', '.join(by_name)}")
    chosen = [by_name[Path(name).name] for name in dict.fromkeys(names)]
    stay = [revision for revision in known_revisions if revision not in chosen]
    first = chosen[0]
    twins = [revision for revision in stay if revision.revision == first.revision or revision.after == first.after]
    if not twins:
        raise _refused(f"{first.path.name} shares its number and parent with no other", "there is nothing to fix")
    built_on = [revision for revision in stay if revision.after == first.revision]
    if built_on and not alone:
        raise _refused(
            f"{_names(built_on)} comes after number {first.revision}, which {first.path.name} shares with {_names(twins)}",
            "name it after the one it was built on; or add --alone if it was built on the one that stays",
        )
    numbers = {None, *(revision.revision for revision in stay)}
    lost = [revision for revision in stay if revision.after not in numbers]
    if lost:
        raise _refused(f"{_names(lost)} would come after a missing number", f"renumber {_names(twins)} instead, or name these too")
    moved: list[Path] = []
    last = max(int(revision.revision) for revision in stay)
    for revision in chosen:
        moved += _moved(revision, last, folder, sql)
        last += 1
    return moved


def _moved(revision: Revision, last: int, folder: Path, sql: Path) -> list[Path]:
    """The revision's files with the number after `last`."""
    number = f"{last + 1:04d}"
    old = revision.path.stem.removeprefix("r")
    new = f"{number}_{old.partition('_')[2]}"
    text = revision.path.read_text("utf-8")
    text = re.sub(r"^(revision\b[^=\n]*=\s*).*$", rf'\g<1>"{number}"', text, count=1, flags=re.MULTILINE)
    text = re.sub(r"^(down_revision\b[^=\n]*=\s*).*$", rf'\g<1>"{last:04d}"', text, count=1, flags=re.MULTILINE)
    files = [path.rename(path.with_name(new + path.name.removeprefix(old))) for path in sorted(sql.glob(f"{old}.*.sql"))]
    new_file = folder / f"r{new}.py"
    new_file.write_text(text.replace(old, new), "utf-8")
    revision.path.unlink()
    return [new_file, *files]


def _read(path: Path) -> Revision:
    values: dict[str, object] = {}
    try:
        for node in ast.parse(path.read_text("utf-8"), str(path)).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
                    values[target.id] = ast.literal_eval(node.value)
    except (SyntaxError, ValueError) as error:
        raise _refused(f"{path.name} can't be read: {error}", "fix it: git merge leaves marks if two changed the same line") from error
    revision, after = values.get("revision"), values.get("down_revision")
    if not isinstance(revision, str) or not (after is None or isinstance(after, str)):
        raise _refused(f"{path.name} has no revision and down_revision of its own", "each is one text: invoke migrate.new writes them")
    return Revision(path, revision, after)


def _finding(revision: Revision, message: str) -> Finding:
    return Finding(revision.path.name, 1, "chain", message)


def _names(group: Sequence[Revision]) -> str:
    return " and ".join(revision.path.name for revision in group)


def _refused(what: str, next_step: str) -> PlatformError:
    return PlatformError(what, where="migrations/versions", next_step=next_step)
