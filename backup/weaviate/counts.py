"""Counts Weaviate's content: a collection or tenant that can't be counted doesn't fail a backup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backup.sets.model import Unproven
from christmas.blueprint.collections_and_properties import CHRISTMAS_DOCUMENT
from core.words import shortened

if TYPE_CHECKING:
    from weaviate import WeaviateClient

_MOST_FILES = 100_000
_SHOWN = 5
OFFLOADED = ("OFFLOADED", "FROZEN", "OFFLOADING", "FREEZING")


@dataclass(slots=True)
class Counts:
    """Objects of each collection (in its active tenants, if it has tenants); other tenants with their state; failures with reasons."""

    objects: dict[str, int] = field(default_factory=dict)
    tenants: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """All collections."""
        return {*self.objects, *self.failed}


def count(client: WeaviateClient) -> Counts:
    """Count every collection. One that is removed meanwhile is left out; one that can't be counted is in `failed`."""
    from weaviate.exceptions import WeaviateBaseError

    counts = Counts()
    for name, config in client.collections.list_all(simple=False).items():
        try:
            if config.multi_tenancy_config.enabled:
                counts.objects[name], away = _count_tenants(client, name)
                if away:
                    counts.tenants[name] = away
            else:
                counts.objects[name] = client.collections.use(name).aggregate.over_all(total_count=True).total_count or 0
        except WeaviateBaseError as error:
            if client.collections.exists(name):
                counts.failed[name] = " ".join(str(getattr(error, "message", error)).split())[:200]
    return counts


def _count_tenants(client: WeaviateClient, name: str) -> tuple[int, dict[str, str]]:
    from weaviate.classes.tenants import TenantActivityStatus
    from weaviate.exceptions import WeaviateBaseError

    collection = client.collections.use(name)
    total, away = 0, {}
    for tenant, state in collection.tenants.get().items():
        if state.activity_status != TenantActivityStatus.ACTIVE:
            away[tenant] = str(state.activity_status.value)
            continue
        try:
            total += collection.with_tenant(tenant).aggregate.over_all(total_count=True).total_count or 0
        except WeaviateBaseError:
            now = collection.tenants.get_by_name(tenant)
            if now is not None and now.activity_status == TenantActivityStatus.ACTIVE:
                raise
            # Deactivated or removed since it was listed.
            if now is not None:
                away[tenant] = str(now.activity_status.value)
    return total, away


def unproven(counts: Counts) -> Iterator[Unproven]:
    """What a set keeps of this without proof, or does not keep."""
    for name, why in counts.failed.items():
        yield Unproven(what=f"collection {name}", why=f"it can't be counted: {why}")
    for name, away in counts.tenants.items():
        inactive = [tenant for tenant, state in away.items() if state not in OFFLOADED]
        gone = [tenant for tenant, state in away.items() if state in OFFLOADED]
        if inactive:
            why = "inactive, so their objects can't be counted: the module's backup has them, the portable dump does not"
            yield Unproven(what=f"tenants {_some(inactive)} of {name}", why=why, by_design=True)
        if gone:
            yield Unproven(what=f"tenants {_some(gone)} of {name}", why="offloaded to external storage, and in no backup")


def states(client: WeaviateClient, names: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The present state of these tenants; missing ones are left out."""
    return {
        name: {
            tenant: str(state.activity_status.value)
            for tenant, state in client.collections.use(name).tenants.get().items()
            if tenant in own
        }
        for name, own in names.items()
        if client.collections.exists(name)
    }


def count_documents(client: WeaviateClient) -> dict[str, int]:
    """Passages of each file in the blueprint's collection, found by its alias or name; empty if there is none."""
    from weaviate.classes.aggregate import GroupByAggregate

    name = CHRISTMAS_DOCUMENT.name
    if name not in client.collections.list_all(simple=True) and not client.collections.exists(name):
        return {}
    grouped = client.collections.use(name).aggregate.over_all(
        group_by=GroupByAggregate(prop="file_path", limit=_MOST_FILES), total_count=True
    )
    return {str(group.grouped_by.value): group.total_count or 0 for group in grouped.groups}


def _some(names: list[str]) -> str:
    return shortened(sorted(names), _SHOWN, ",")
