"""Detects data that the seed did not write: then `make up` adds no samples to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from core.progress import Progress
from infra import clients
from seed.candles import samples
from seed.demo import ACCOUNT
from seed.demo_orders import by_symbol, plan
from seed.demo_people import PEOPLE
from seed.documents import DEFAULT_PATHS
from seed.sources import stored_path
from seed.statements import load as statement

if TYPE_CHECKING:
    from infra.connections import Platform


def own_data(platform: Platform, progress: Progress) -> str | None:
    """Return the first data found that the seed doesn't write, in a few words; None if all could be the seed's.

    An interrupted seed leaves only its own rows, so the next one completes it. The cost doesn't grow with the data.
    Looks at candles, users, orders and documents. Raises the drivers' errors if a store can't be reached.
    """
    progress.status("looking for data besides the seed's")
    return own_rows(platform) or own_documents(platform)


def own_rows(platform: Platform) -> str | None:
    """The same for the database only."""
    with clients.postgres(platform, ACCOUNT) as connection:
        row = connection.execute(statement("own_data"), seeds_own()).fetchone()
    return row[0] if row else None


def seeds_own() -> dict[str, Any]:
    """The seed's own rows, as parameters of own_data.sql."""
    candles = by_symbol(samples())
    return {
        "symbols": list(candles),
        "first": min(series[0].timestamp for series in candles.values()),
        "last": max(series[-1].timestamp for series in candles.values()),
        "usernames": [person.username for person in PEOPLE],
        "orders": [order.external_id for order in plan(candles)],
    }


def own_documents(platform: Platform) -> str | None:
    """The same for the documents only: passages of files outside this project's guide."""
    from weaviate.classes.query import Filter

    with clients.weaviate_client(platform, "indexer") as client:
        if not client.alias.exists(alias_name=CHRISTMAS_DOCUMENT.name) and not client.collections.exists(CHRISTMAS_DOCUMENT.name):
            return None
        store = client.collections.use(CHRISTMAS_DOCUMENT.name)
        guide = Filter.any_of([Filter.by_property("file_path").like(f"{stored_path(path)}/*") for path in DEFAULT_PATHS])
        everything = store.aggregate.over_all(total_count=True).total_count or 0
        ours = store.aggregate.over_all(total_count=True, filters=guide).total_count or 0
    return f"{everything - ours} passages of documents" if everything > ours else None
