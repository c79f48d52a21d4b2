"""A bundle of audit lines as evidence: whoever has it can check it with `sha256sum` and Python alone."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from core.disk import write_whole
from core.errors import PlatformError
from security.audit.chain import Chain, Head

_CHECK = '''"""Checks this bundle: python3 proof.py"""

import hashlib
import json

before = None
with open("lines.jsonl", encoding="utf-8") as lines:
    for place, line in enumerate(lines, 1):
        record = json.loads(line)
        own = record.pop("hash")
        text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == own, f"line {place} was changed"
        assert before in (None, record["before"]), f"before line {place} something was removed or added"
        before = own
        for name, anchor in json.load(open("anchors.json", encoding="utf-8")).items():
            assert anchor["number"] != record["number"] or anchor["hash"] == own, f"line {place} is not the one that set {name} knows"
print(f"{place} lines, unchanged and complete; the last hash is {before}")
'''


def export(chain: Chain, target: Path, begin: datetime, end: datetime, anchors: Mapping[str, Head]) -> int:
    """Write a tar archive with the lines from `begin` to `end`, the heads in signed backup sets, and a program that checks them.

    Returns the number of lines. Raises PlatformError if there are none, or if the target exists.
    """
    if target.exists():
        raise PlatformError(what="there is such a file already", where=str(target), next_step="give another name")
    first, last = f"{begin:%Y-%m-%dT%H:%M:%S}", f"{end:%Y-%m-%dT%H:%M:%S}"
    lines = list(chain.lines())
    chosen = [place for place, line in enumerate(lines) if first <= line["time"] < last]
    if not chosen:
        raise PlatformError(what="the audit has no line of that time", where=str(chain.folder), next_step="invoke audit shows what it has")
    # Complete between its ends, whatever the order of times: the chain proves that nothing is missing.
    exported = lines[chosen[0] : chosen[-1] + 1]
    numbers = {line["number"] for line in exported}
    files = {
        "lines.jsonl": "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in exported),
        "anchors.json": json.dumps(
            {name: {"number": head.number, "hash": head.hash} for name, head in anchors.items() if head.number in numbers}, indent=2
        ),
        "proof.py": _CHECK,
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(text.encode()), 0o644, int(end.timestamp())
            archive.addfile(entry, io.BytesIO(text.encode()))
    write_whole(target, packed.getvalue())
    return len(exported)
