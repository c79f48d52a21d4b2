"""The reviewed schema of the Community edition, derived from Apache's: no package registry has that edition, so no server was read.

Only revision 0006 differs between the editions. Its objects in the Apache edition are left out, and those of the
Community edition are taken from its SQL. The server's spelling of a view does not matter, as drift compares parsed definitions.
The columnstore's settings and the jobs are not compared.
"""

from __future__ import annotations

import re

from migrations.schema.inventory import Inventory
from migrations.statements import load

HEAD = "-- Derived from the Apache edition's snapshot and this edition's own SQL; not read back from a server."

_VIEW = re.compile(r"create materialized view (?P<name>\w+)\s+with \(timescaledb\.continuous\) as\n(?P<select>.*?)\s*with no data;", re.S)
_APACHE_ONLY = re.compile(
    r"candle_changes\b|note_candle_\w+\(|empty_rollups\(|market_data\.market_data_(inserted|updated|deleted|truncated)$"
)


def derive(apache: Inventory) -> Inventory:
    """The Community edition's inventory, from the Apache edition's. Pure, except for reading the SQL."""
    views = {match["name"]: match["select"] for match in _VIEW.finditer(load("0006_rollups.community.up"))}
    derived = {}
    for (kind, name), definition in apache.items():
        table = name.split(".")[0]
        if _APACHE_ONLY.match(name) or (table in views and kind in ("table", "constraint", "hypertable")):
            continue
        derived[kind, name] = definition.replace("comment on table ", "comment on view ", 1) if table in views else definition
    return derived | {("view", name): f"create view {name} as\n{select};" for name, select in views.items()}


if __name__ == "__main__":
    from migrations.edition import Edition
    from migrations.run import head_revision
    from migrations.schema import snapshot

    apache = snapshot.reviewed(Edition.APACHE)
    text = snapshot.render(derive(apache or {}), head_revision(), Edition.COMMUNITY, HEAD)
    snapshot.file_of(Edition.COMMUNITY).write_text(text, "utf-8")
