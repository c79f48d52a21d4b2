"""The classes that describe the document store: the second part of `christmas.blueprint.model`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a collection. `tokenization` in Weaviate's words, for text properties."""

    name: str
    data_type: str
    description: str
    tokenization: str | None = None
    vectorized: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorIndex:
    """HNSW settings; see Malkov and Yashunin, arXiv:1603.09320."""

    distance: str
    ef_construction: int
    max_connections: int
    ef: int = -1  # -1 lets Weaviate choose by the query's limit
    quantizer: str = "none"  # the compression of vectors in memory, in Weaviate's abbreviation


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingProfile:
    """The source of a collection's vectors. `base_url` None means the vendor's own service.

    `tells_kinds` means that the service accepts `input_type`, to embed passages differently from queries (the default is a query).
    `certainty` is the minimum for an answer to a question with this model, from 0 to 1: (1 + cosine) / 2.
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
        """The names of the alias and of the collections behind it, as a regular expression for Weaviate's permissions.

        The loader makes `NAME_PROFILE_FINGERPRINT` and, if only the properties differ, the same with a number from 2 on; it replaces a
        collection that has the alias's name (docs/adr/0602). A custom schema has another fingerprint, so any fingerprint matches.
        """
        profiles = "|".join(profile.name for profile in self.profiles)
        return f"{self.name}(_({profiles})_{'[0-9a-f]' * 8}(_[1-9][0-9]?)?)?"

    def profile(self, name: str) -> EmbeddingProfile:
        """The embedding profile of that name; KeyError if there is none."""
        return next((profile for profile in self.profiles if profile.name == name), None) or _missing(f"embedding profile {name!r}")


def _missing(what: str) -> EmbeddingProfile:
    raise KeyError(what)
