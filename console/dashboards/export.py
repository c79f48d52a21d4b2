"""Writing the dashboards into a folder, from which Grafana imports or provisions them."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from console.dashboards.contents import DASHBOARDS
from console.dashboards.panels import build
from core.disk import write_whole
from core.errors import PlatformError


def documents() -> dict[str, str]:
    """Each dashboard's file name and content. The same every time, so that a folder under version control shows what changed."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {f"christmas-{content.name}.json": encoder.encode(build(content).build()) + "\n" for content in DASHBOARDS}


def write(folder: str) -> int:
    """Write the files, replacing those of an earlier version. Raises PlatformError if the folder can't be written."""
    to = Path(folder)
    try:
        for name, content in documents().items():
            write_whole(to / name, content, mode=0o644)
            print(to / name)
    except OSError as error:
        raise PlatformError(
            what=f"can't write the dashboards: {error.strerror or error}",
            where=folder,
            next_step="give a folder that you may write: --to FOLDER",
        ) from error
    print("Import them in Grafana (Dashboards, New, Import) and choose the stack's Prometheus: docs/monitoring.md#grafana")
    return 0
