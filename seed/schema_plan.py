"""Plans the changes that bring a collection to the blueprint's declaration; changes that lose data must be requested."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from christmas.blueprint.collection_model import Collection, EmbeddingProfile, Property
from core.errors import PlatformError
from seed import collection as collections
from seed.making import make

if TYPE_CHECKING:
    import weaviate

    from infra.connections import Platform

CHANGED_IN_PLACE = ("description", "index.ef")
REBUILT = ("vectorizer", "index.type", "index.distance", "index.efConstruction", "index.maxConnections", "index.quantizer", "module.model")


@dataclass(frozen=True, slots=True)
class SchemaPlan:
    """The way from the live state to the declared one.

    `target` is the collection to fill, made if `create` is set. `copy_from` is the one behind the alias now, whose
    objects are copied first. `losses` are the reasons why the change must be requested.
    """

    target: str
    create: bool = False
    copy_from: str | None = None
    switch: bool = False  # make or move the alias
    unalias: bool = False  # a collection has the alias' name and must be replaced
    add: tuple[Property, ...] = ()
    update: dict[str, Any] = field(default_factory=dict)
    losses: tuple[str, ...] = ()

    @property
    def steps(self) -> list[str]:
        """The plan in words, one line per step; empty if nothing is to do."""
        lines = [f"make collection {self.target}"] if self.create else []
        lines += [f"add property {declared.name} to {self.target}" for declared in self.add]
        lines += [f"set {name} of {self.target} to {value}" for name, value in self.update.items()]
        if self.copy_from:
            lines.append(f"embed the objects of {self.copy_from} again into {self.target}, then remove {self.copy_from}")
        if self.switch:
            lines.append(f"point the alias to {self.target}")
        return lines


def plan(client: weaviate.WeaviateClient, collection: Collection, profile: EmbeddingProfile) -> SchemaPlan:
    """Compare the blueprint's collection with the live one. Changes nothing."""
    shown = client.alias.get(alias_name=collection.name)
    stands_alone = shown is None and client.collections.exists(collection.name)
    current = shown.collection if shown else collection.name if stands_alone else None
    target, live = _target(client, collection, profile)
    expected = collections.normalized(collections.definition(collection, profile, target))
    losses = []
    if stands_alone:
        losses.append(f"an alias would replace collection {collection.name}; reads fail for an instant")
    if current and current != target:
        losses += [
            f"property {name} of {current} is no longer declared and would not be copied"
            for name in _property_names(_schema(client, current)) - _property_names(expected)
        ]
    missing = _property_names(expected) - _property_names(live) if live else set()
    changed = {key: expected[key] for key in CHANGED_IN_PLACE if live and live[key] != expected[key]}
    return SchemaPlan(
        target=target,
        create=live is None,
        copy_from=current if current != target else None,
        switch=shown is None or shown.collection != target,
        unalias=stands_alone,
        add=tuple(declared_property for declared_property in collection.properties if declared_property.name in missing),
        update=changed,
        losses=tuple(losses),
    )


def planned(platform: Platform, collection: Collection) -> SchemaPlan:
    """The plan for a stack's store, read as the importing account. Changes nothing."""
    from infra import clients

    with clients.weaviate_client(platform, "indexer") as client:
        return plan(client, collection, collection.profile(platform.embedding_profile))


def _target(client: weaviate.WeaviateClient, collection: Collection, profile: EmbeddingProfile) -> tuple[str, dict[str, Any] | None]:
    """The first collection that can become the declared one without a rebuild, or the name of a new one."""
    generation = 1
    while True:
        name = collections.physical_name(collection, profile, generation)
        if not client.collections.exists(name):
            return name, None
        live = _schema(client, name)
        expected = collections.normalized(collections.definition(collection, profile, name))
        if not any(_needs_rebuild(key, has) for key, (has, _) in collections.differing(expected, live).items()):
            return name, live
        generation += 1


def _needs_rebuild(key: str, has: Any) -> bool:
    if key.startswith("property."):
        return has is not None  # of another type, or no longer declared; a missing one can be added
    return key in REBUILT or key == "module.baseURL"


def _property_names(schema: dict[str, Any]) -> set[str]:
    return {key.removeprefix("property.") for key in schema if key.startswith("property.")}


def _schema(client: weaviate.WeaviateClient, name: str) -> dict[str, Any]:
    return collections.normalized(client.collections.export_config(name).to_dict())


def prepare(client: weaviate.WeaviateClient, collection: Collection, profile: EmbeddingProfile, *, allow_loss: bool = False) -> SchemaPlan:
    """Prepare the plan's target for filling; the alias stays. Returns the plan.

    Raises PlatformError if something would be lost without `allow_loss`.
    """
    plan_made = plan(client, collection, profile)
    if plan_made.losses and not allow_loss:
        raise PlatformError(
            what="the blueprint's change of the collection would lose something:\n  " + "\n  ".join(plan_made.losses),
            where=f"Weaviate, {collection.name}",
            next_step="take a backup, then: invoke seed.docs --allow-loss",
        )
    if plan_made.create:
        definition = collections.definition(collection, profile, plan_made.target)
        make(lambda: client.collections.create_from_dict(definition), lambda: client.collections.exists(plan_made.target))
    for declared in plan_made.add:
        _add_property(client, plan_made.target, declared)
    if plan_made.update:
        from weaviate.classes.config import Reconfigure

        options: dict[str, Any] = {}
        if "description" in plan_made.update:
            options["description"] = plan_made.update["description"]
        if "index.ef" in plan_made.update:
            options["vectorizer_config"] = Reconfigure.VectorIndex.hnsw(ef=plan_made.update["index.ef"])
        client.collections.use(plan_made.target).config.update(**options)
    return plan_made


def _add_property(client: weaviate.WeaviateClient, name: str, declared: Property) -> None:
    from weaviate.classes.config import DataType, Tokenization
    from weaviate.classes.config import Property as WeaviateProperty

    new_property = WeaviateProperty(
        name=declared.name,
        data_type=DataType(declared.data_type),
        description=declared.description,
        tokenization=Tokenization(declared.tokenization) if declared.tokenization else None,
        skip_vectorization=not declared.vectorized,
        vectorize_property_name=False,
    )
    make(
        lambda: client.collections.use(name).config.add_property(new_property),
        lambda: declared.name in _property_names(_schema(client, name)),
    )


def _stands_for(client: weaviate.WeaviateClient, alias: str) -> str | None:
    """The collection behind an alias."""
    alias_info = client.alias.get(alias_name=alias)
    return alias_info.collection if alias_info else None


def finish(client: weaviate.WeaviateClient, collection: Collection, plan_made: SchemaPlan) -> None:
    """Point the alias to the target, and remove the old collection."""
    if plan_made.unalias:
        client.collections.delete(collection.name)
    if plan_made.switch:
        if client.alias.exists(alias_name=collection.name):
            client.alias.update(alias_name=collection.name, new_target_collection=plan_made.target)
        else:
            make(
                lambda: client.alias.create(alias_name=collection.name, target_collection=plan_made.target),
                lambda: _stands_for(client, collection.name) == plan_made.target,
            )
    if plan_made.copy_from and not plan_made.unalias:
        client.collections.delete(plan_made.copy_from)
