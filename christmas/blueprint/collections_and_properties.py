"""The Weaviate collections and where their vectors come from."""

from __future__ import annotations

from christmas.blueprint.collection_model import Collection, EmbeddingProfile, Property, VectorIndex

# The specification's bound. Its effect was not measured: that needs a vendor's key (docs/adr/0609 says how).
OPENAI = EmbeddingProfile(name="openai", model="text-embedding-ada-002", dimensions=1536, certainty=0.7)
EMBEDDED = EmbeddingProfile(
    name="embedded",
    model="multilingual-e5-small",
    dimensions=384,
    certainty=0.914,  # measured by bench/certainty.py: docs/adr/0609
    base_url="https://embedder:8443",
    tells_kinds=True,
)

CHRISTMAS_DOCUMENT = Collection(
    name="ChristmasDocument",
    description="Christmas 프로젝트 문서 청크",
    properties=(
        Property("content", "text", "문서 청크 내용", tokenization="word", vectorized=True),
        Property("file_path", "text", "원본 파일 경로", tokenization="whitespace"),
        Property("section", "text", "문서 섹션", tokenization="whitespace"),
        Property("chunk_id", "int", "청크 ID"),
        Property("metadata", "text", "추가 메타데이터(타임스탬프, 토큰 수 등)", tokenization="word"),
    ),
    index=VectorIndex(distance="cosine", ef_construction=128, max_connections=64, ef=192, quantizer="rq"),  # docs/adr/0604
    profiles=(OPENAI, EMBEDDED),
)

COLLECTIONS: tuple[Collection, ...] = (CHRISTMAS_DOCUMENT,)

SEARCH_LIMIT = 5
