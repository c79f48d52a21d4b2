from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seed.candle_files.seen import Seen

TIMES = st.lists(st.integers(0, 60), min_size=1, max_size=12)


@given(st.lists(st.dictionaries(st.sampled_from("ABC"), TIMES, min_size=1), max_size=20))
def test_it_remembers_exactly_what_a_set_would(groups: list[dict[str, list[int]]]) -> None:
    seen, reference = Seen(), set[tuple[str, int]]()
    for group in groups:
        keys = [(symbol, moment) for symbol, times in group.items() for moment in times]
        fresh = len(set(keys)) == len(keys) and not reference.intersection(keys)
        assert seen.add_together({symbol: np.array(times, dtype=np.int64) for symbol, times in group.items()}) is fresh
        if fresh:
            reference.update(keys)


@given(st.lists(st.integers(-5, 40), max_size=80))
def test_one_at_a_time_too(times: list[int]) -> None:
    seen, reference = Seen(), set[int]()
    for moment in times:
        assert seen.add("A", moment) is (moment not in reference)
        reference.add(moment)


def test_a_regular_series_takes_no_memory_that_grows() -> None:
    seen = Seen()
    for block in range(1000):
        start = block * 1000
        assert seen.add_together({"A": np.arange(start, start + 1000, dtype=np.int64) * 60})
    series = seen._series["A"]
    assert (len(series.ranges), len(series.arrays)) == (1, 0)
    assert not seen.add("A", 60 * 999_999)
    assert seen.add("A", 61)
