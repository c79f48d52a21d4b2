"""Plans the changes that bring a collection to the blueprint's declaration; changes that lose data must be requested."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from christmas.blueprint.documents_model import Collection, EmbeddingProfile, Property
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
    target, found = _target(client, collection, profile)
    wanted = collections.normalized(collections.definition(collection, profile, target))
    losses = []
    if stands_alone:
        losses.append(f"an alias would replace collection {collection.name}; reads fail for an instant")
    if current and current != target:
        losses += [
            f"property {name} of {current} is no longer declared and would not be copied"
            for name in _property_names(_schema(client, current)) - _property_names(wanted)
        ]
    missing = _property_names(wanted) - _property_names(found) if found else set()
    changed = {key: wanted[key] for key in CHANGED_IN_PLACE if found and found[key] != wanted[key]}
    return SchemaPlan(
        target=target,
        create=found is None,
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
        found = _schema(client, name)
        wanted = collections.normalized(collections.definition(collection, profile, name))
        if not any(_needs_rebuild(key, has) for key, (has, _) in collections.differing(wanted, found).items()):
            return name, found
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
    made = plan(client, collection, profile)
    if made.losses and not allow_loss:
        raise PlatformError(
            what="the blueprint's change of the collection would lose something:\n  " + "\n  ".join(made.losses),
            where=f"Weaviate, {collection.name}",
            next_step="take a backup, then: invoke seed.docs --allow-loss",
        )
    if made.create:
        definition = collections.definition(collection, profile, made.target)
        make(lambda: client.collections.create_from_dict(definition), lambda: client.collections.exists(made.target))
    for declared in made.add:
        _add_property(client, made.target, declared)
    if made.update:
        from weaviate.classes.config import Reconfigure

        options: dict[str, Any] = {}
        if "description" in made.update:
            options["description"] = made.update["description"]
        if "index.ef" in made.update:
            options["vectorizer_config"] = Reconfigure.VectorIndex.hnsw(ef=made.update["index.ef"])
        client.collections.use(made.target).config.update(**options)
    return made


def _add_property(client: weaviate.WeaviateClient, name: str, each: Property) -> None:
    from weaviate.classes.config import DataType, Tokenization
    from weaviate.classes.config import Property as WeaviateProperty

    wanted = WeaviateProperty(
        name=each.name,
        data_type=DataType(each.data_type),
        description=each.description,
        tokenization=Tokenization(each.tokenization) if each.tokenization else None,
        skip_vectorization=not each.vectorized,
        vectorize_property_name=False,
    )
    make(
        lambda: client.collections.use(name).config.add_property(wanted),
        lambda: each.name in _property_names(_schema(client, name)),
    )


def _stands_for(client: weaviate.WeaviateClient, alias: str) -> str | None:
    """The collection behind an alias."""
    found = client.alias.get(alias_name=alias)
    return found.collection if found else None


def finish(client: weaviate.WeaviateClient, collection: Collection, made: SchemaPlan) -> None:
    """Point the alias to the target, and remove the old collection."""
    if made.unalias:
        client.collections.delete(collection.name)
    if made.switch:
        if client.alias.exists(alias_name=collection.name):
            client.alias.update(alias_name=collection.name, new_target_collection=made.target)
        else:
            make(
                lambda: client.alias.create(alias_name=collection.name, target_collection=made.target),
                lambda: _stands_for(client, collection.name) == made.target,
            )
    if made.copy_from and not made.unalias:
        client.collections.delete(made.copy_from)
