"""A log made up segment by segment, with sets along it: timeline 2 left 1 in segment 5, and 3 left 2 in segment 8."""

from datetime import timedelta

from backup.postgres import wal
from backup.postgres.choice_of_timeline import KnownLog
from backup.postgres.live_log import LiveLog
from backup.postgres.timelines import Cluster, lsn_text
from backup.sets.model import FileRecord, Manifest, ReferencePoint, Switch
from tests.support.manifests import NOON, manifest

# Timeline 1 went on to segment 7 all the same.
HISTORIES = {
    2: (Switch(timeline=1, lsn="0/5000100"),),
    3: (Switch(timeline=1, lsn="0/5000100"), Switch(timeline=2, lsn="0/8000200")),
}
MINUTE = timedelta(minutes=1)


def names(timeline: int, first: int, last: int) -> set[str]:
    return {wal.name(timeline, place) for place in range(first, last + 1)}


EVERY = names(1, 1, 7) | names(2, 5, 9) | names(3, 8, 12)


def made(timeline: int, segment: int, *, minutes: float, system_id: str = "7", archive: str = "17-1") -> Manifest:
    """A set whose backup lies in one segment, with its reference point at the segment's end."""
    at = NOON + minutes * MINUTE
    found = manifest(f"20261123-{at:%H%M%S}-full-{timeline:02d}{segment:02d}", started=at)
    assert found.postgres
    name = wal.name(timeline, segment)
    part = found.postgres.model_copy(
        update={
            "timeline": timeline,
            "system_id": system_id,
            "wal_start": name,
            "wal_stop": name,
            "lsn_start": lsn_text((segment << 24) + 40),
            "lsn_stop": lsn_text((segment << 24) + 80),
            "reference_point": ReferencePoint(lsn=lsn_text((segment << 24) + 120), at=at, exact=True, restore_point="x", tables={}),
            "files": (
                FileRecord(place="pgbackrest", path=f"archive/christmas/{archive}/{name[:16]}/{name}-{'0' * 40}.zst", size=1, sha256="0"),
            ),
        }
    )
    return found.model_copy(update={"postgres": part})


OLD, LEFT, NEW = made(1, 3, minutes=-60), made(1, 6, minutes=-40), made(2, 7, minutes=-20)
LATER = NOON + timedelta(hours=1)


def known(on: int | None, segments: set[str] | None = None, **more: object) -> KnownLog:
    live = LiveLog("7", on, "0/0") if on else None
    cluster = Cluster(HISTORIES, frozenset(EVERY if segments is None else segments))
    return KnownLog({"17-1": cluster}, live, **more)  # type: ignore[arg-type]
