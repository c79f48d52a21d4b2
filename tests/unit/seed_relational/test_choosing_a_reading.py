from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from seed.candle_files.choice import Choice

# For each value, what each of four readings makes of it; None where it can't read it.
VALUES = st.lists(st.tuples(*[st.sampled_from([None, 1, 2])] * 4), max_size=12)


@given(VALUES, st.sampled_from([0, 3, 100]))
def test_what_is_left_and_what_is_unclear_are_those_of_all_values(values: list[tuple[int | None, ...]], remembered: int) -> None:
    choice = Choice({str(place): lambda text, place=place: values[int(text)][place] for place in range(4)}, remembered)  # type: ignore[misc]
    for line, value in enumerate(values):
        first = choice.add(line, str(line))
        assert first in {None, *value}
    sound = [each for each in values if any(value is not None for value in each)]
    left = [place for place in range(4) if all(each[place] is not None for each in sound)]
    if choice.possible or not sound:
        assert choice.possible == [str(place) for place in left]
    else:
        assert left == []
    differing = [line for line, each in enumerate(values) if any(each[one] != each[two] for one, two in combinations(left, 2))]
    assert (choice.unclear.line if choice.unclear else None) == next(iter(differing), None)
