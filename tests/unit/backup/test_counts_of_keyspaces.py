"""What counts of keys can be explained by keys that expired, or came and went while they were counted."""

import pytest

from backup.redis.proofs import count_faults


@pytest.mark.parametrize(
    ("recorded", "live", "copied", "loaded", "faults"),
    [
        pytest.param({"session": 5, "other": 0}, {"session": 5}, 5, 5, 0, id="all-there"),
        pytest.param({"session": 5, "rate_limit": 9}, {"session": 5}, 14, 14, 0, id="expired-since"),
        pytest.param({"session": 5, "rate_limit": 9}, {"session": 5}, 14, 5, 1, id="lost"),
        pytest.param({"session": 5}, {"session": 4, "rate_limit": 1}, 5, 5, 1, id="changed-places"),
        pytest.param({"session": 6}, {"session": 5}, 5, 5, 0, id="one-came-while-it-was-counted"),
        pytest.param({"session": 9}, {"session": 2}, 8, 8, 0, id="six-expired-and-one-came"),
        pytest.param({"session": 9}, {"session": 2}, 8, 6, 1, id="too-few-were-loaded"),
    ],
)
def test_counts(recorded: dict[str, int], live: dict[str, int], copied: int, loaded: int, faults: int) -> None:
    assert len(count_faults(recorded, live, copied, loaded)) == faults
