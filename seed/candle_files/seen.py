"""The (symbol, time) keys of a file so far, in little memory: regular series are stored as ranges, others as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
_FEW = 4  # a shorter run is not worth a range


class Seen:
    """The keys of one file so far. Times are microseconds since 1970 in UTC.

    A series in ascending order costs one comparison; a range needs the same memory at any length.
    """

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def add(self, symbol: str, moment: int) -> bool:
        """Note one key; False if it is a repetition."""
        return self.add_together({symbol: np.array([moment], dtype=np.int64)})

    def add_together(self, groups: Mapping[str, Times]) -> bool:
        """Note the times of several symbols; False, with nothing noted, if any is a repetition."""
        ready = []
        for symbol, times in groups.items():
            series = self._series.get(symbol) or _Series()
            ordered = series.new(times)
            if ordered is None:
                return False
            ready.append((symbol, series, ordered))
        for symbol, series, ordered in ready:
            series.keep(ordered)
            self._series[symbol] = series
        return True


class _Series:
    __slots__ = ("arrays", "last", "ranges")

    def __init__(self) -> None:
        self.last: int | None = None
        self.ranges: list[list[int]] = []  # [first, last, step], each in itself ascending
        self.arrays: list[Times] = []

    def new(self, times: Times) -> Times | None:
        """The times in order; None if one of them is repeated."""
        if times.size > 1 and not bool((np.diff(times) > 0).all()):
            times = np.sort(times)
            if not bool((np.diff(times) > 0).all()):
                return None
        if self.last is not None and int(times[0]) <= self.last and bool(self._contains(times).any()):
            return None
        return times

    def keep(self, times: Times) -> None:
        """Remember times that `new` returned."""
        self._store(times, np.diff(times))
        self.last = int(times[-1]) if self.last is None else max(self.last, int(times[-1]))

    def _contains(self, times: Times) -> NDArray[np.bool_]:
        contained: NDArray[np.bool_] = np.zeros(times.shape, dtype=bool)
        lowest, highest = int(times[0]), int(times[-1])
        for first, last, step in self.ranges:
            if first <= highest and last >= lowest:
                contained |= (times >= first) & (times <= last) & ((times - first) % step == 0)
        for array in self.arrays:
            if int(array[0]) <= highest and int(array[-1]) >= lowest:
                contained |= np.isin(times, array, assume_unique=True)
        return contained

    def _store(self, times: Times, steps: NDArray[Any]) -> None:
        last = self.ranges[-1] if self.ranges else None
        if last is not None and int(times[0]) - last[1] == last[2] and bool((steps == last[2]).all()):
            last[1] = int(times[-1])
        elif times.size >= _FEW and bool((steps == steps[0]).all()):
            self.ranges.append([int(times[0]), int(times[-1]), int(steps[0])])
        elif self.arrays and self.arrays[-1].size < 4096 and int(self.arrays[-1][-1]) < int(times[0]):
            self.arrays[-1] = np.concatenate([self.arrays[-1], times])
        else:
            self.arrays.append(times.copy())
