from __future__ import annotations

from seed.report import SeedReport


def test_a_report_counts_what_changed() -> None:
    report = SeedReport("market", inserted=2, updated=3, unchanged=5, seconds=0.25)
    assert report.changed == 5
    assert report.as_dict() == {"name": "market", "inserted": 2, "updated": 3, "unchanged": 5, "seconds": 0.25, "changed": 5}
    assert str(report) == "market: 2 inserted, 3 updated, 5 unchanged (0.2 s)"
