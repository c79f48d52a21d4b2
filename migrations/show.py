"""Prints where the schema stands."""

from __future__ import annotations

import json

from migrations.run import MigrationStatus


def show_status(status: MigrationStatus, *, as_json: bool = False) -> int:
    """Print the status; 0 at head, 1 where revisions are pending."""
    if as_json:
        print(json.dumps(status.as_dict(), ensure_ascii=False))
    else:
        print(f"revision  {status.current or 'base'}")
        print(f"head      {status.head}")
        print(f"pending   {', '.join(status.pending) or 'none'}")
        print(f"edition   {status.edition}")
    return 0 if status.at_head else 1
