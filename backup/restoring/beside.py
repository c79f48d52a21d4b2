"""The stores of a plan, restored into scratch containers beside the live ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence

from backup.postgres import restore as postgres_restore
from backup.redis import restore as redis_restore
from backup.restoring import recipes
from backup.restoring.ingredients import Ingredients, Timing
from backup.restoring.scratch import Scratch
from backup.restoring.targets import StorePlan
from backup.sets.model import Manifest, Store
from backup.weaviate import restore as weaviate_restore
from core.progress import Progress
from core.side_by_side import side_by_side
from infra.connections import Platform


def fill(
    scratch_stores: Scratch,
    platform: Platform,
    ingredients: Ingredients,
    plans: Mapping[Store, StorePlan],
    every: Sequence[Manifest],
    timings: dict[Store, Timing],
    progress: Progress,
    *,
    redis_settings: Iterable[str] = (),
    at_once: int | None = None,
) -> Platform:
    """Restore each store to its plan, note in `timings` how long it took, and return the stores as a platform with the same accounts.

    All stores at the same time, or `at_once` of them.

    Raises PlatformError if one can't be restored, once the others are done.
    """
    passwords = {name: platform.secret(name, "redis") for name in ("admin", "monitor")}
    root_key = secrets.token_urlsafe(24)

    def weaviate(store_progress: Progress) -> Timing:
        # For questions in words, if the stack uses the embedded embedder.
        if platform.embedding_profile == "embedded" and "embedder" in ingredients.bases:
            scratch_stores.start(recipes.embedder(ingredients.bases["embedder"], token=platform.embedding_key))
        chain = weaviate_restore.chain_of(plans["weaviate"].manifest, every)
        return weaviate_restore.beside(scratch_stores, ingredients, plans["weaviate"], chain, root_key, store_progress)

    jobs: dict[Store, Callable[[Progress], Timing]] = {
        "postgres": lambda store_progress: postgres_restore.beside(scratch_stores, ingredients, plans["postgres"], store_progress),
        "redis": lambda store_progress: redis_restore.beside(
            scratch_stores, ingredients, plans["redis"], passwords, store_progress, settings=redis_settings
        ),
        "weaviate": weaviate,
    }
    for store, future in side_by_side({store: jobs[store] for store in plans}, progress, at_once).items():
        timings[store] = future.result()
    return scratch_stores.platform(platform.accounts, embedding_profile=platform.embedding_profile, embedding_key=platform.embedding_key)
