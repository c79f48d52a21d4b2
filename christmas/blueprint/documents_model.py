"""The words in which the blueprint describes the document store: the other half of `christmas.blueprint.model`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a collection. `tokenization` as Weaviate names it, for text properties."""

    name: str
    data_type: str
    description: str
    tokenization: str | None = None
    vectorized: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorIndex:
    """HNSW settings; see Malkov and Yashunin, arXiv:1603.09320, for what each does."""

    distance: str
    ef_construction: int
    max_connections: int
    ef: int = -1  # -1 lets Weaviate choose by the query's limit
    quantizer: str = "none"  # how vectors are compressed in memory, as Weaviate abbreviates it


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingProfile:
    """Where a collection's vectors come from. `base_url` None means the vendor's own service.

    `tells_kinds` says that the service takes `input_type`, to embed a passage otherwise than a query (what is not told is a query).
    `certainty` is the least that an answer to a question has with this model, from 0 to 1: half of one plus half of the cosine.
    """

    name: str
    model: str
    dimensions: int
    certainty: float
    base_url: str | None = None
    tells_kinds: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A Weaviate collection."""

    name: str
    description: str
    properties: tuple[Property, ...]
    index: VectorIndex
    vectorizer: str = "text2vec-openai"
    profiles: tuple[EmbeddingProfile, ...] = ()

    @property
    def names(self) -> str:
        """What the alias and the collections behind it are called, as a regular expression that Weaviate's permissions take.

        The loader makes `NAME_PROFILE_FINGERPRINT` and, where only the properties differ, the same with a number from 2 on; a collection
        called as the alias is, it replaces (docs/adr/0602). A schema of one's own has another fingerprint, so that one is left open.
        """
        profiles = "|".join(profile.name for profile in self.profiles)
        return f"{self.name}(_({profiles})_{'[0-9a-f]' * 8}(_[1-9][0-9]?)?)?"

    def profile(self, name: str) -> EmbeddingProfile:
        """The embedding profile of that name; KeyError where there is none."""
        return next((profile for profile in self.profiles if profile.name == name), None) or _missing(f"embedding profile {name!r}")


def _missing(what: str) -> EmbeddingProfile:
    raise KeyError(what)
