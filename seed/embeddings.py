"""Embeds passages and queries, with one interface for OpenAI and the bundled embedder, which has OpenAI's API.

Passages are embedded here, not by Weaviate's vectorizer: the bundled model treats passages and queries differently,
and a refused, limited or interrupted request is then known before anything is written.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from christmas.blueprint.collection_model import EmbeddingProfile
from core.errors import PlatformError
from core.patience import patience
from core.progress import Progress, SilentProgress
from infra.connections import Platform

if TYPE_CHECKING:
    import openai

VENDOR_URL = "https://api.openai.com/v1"
ATTEMPTS = 8
LONGEST_WAIT = 60.0
"""The longest pause in seconds before another attempt, whatever the service asks for."""
DOLLARS_PER_MILLION_TOKENS = {"text-embedding-ada-002": 0.10, "text-embedding-3-small": 0.02, "text-embedding-3-large": 0.13}
"""OpenAI's list prices of its embedding models (openai.com/api/pricing, 2025); a bundled model is free."""


class TextRefusedError(PlatformError):
    """The service works, but refuses this request because of one of its texts."""


@dataclass(frozen=True, slots=True)
class EmbeddingService:
    """An embedding service. `dimensions` is the required length of every answer."""

    url: str
    model: str
    dimensions: int
    key: str = field(repr=False)
    ca_file: Path | None = None
    tells_kinds: bool = False  # the service accepts `input_type`, passage or query

    @property
    def dollars_per_million_tokens(self) -> float:
        """The price of a million tokens; 0 for our own service."""
        return DOLLARS_PER_MILLION_TOKENS.get(self.model, 0.0)


def service_of(platform: Platform, profile: EmbeddingProfile) -> EmbeddingService:
    """The service of a profile, with its address from here.

    Raises PlatformError if the profile needs a key and the stack has none.
    """
    if not platform.embedding_key:
        raise PlatformError(
            what=f"embedding profile {profile.name!r} needs a key, and stack {platform.stack} has none",
            where="the stack's outputs",
            next_step="pulumi config set --secret OPENAI_API_KEY …, then invoke up",
        )
    if profile.base_url is None:
        return EmbeddingService(VENDOR_URL, profile.model, profile.dimensions, platform.embedding_key)
    host, port = platform.endpoints["embedder"].address()
    return EmbeddingService(
        url=f"{profile.base_url.partition(':')[0]}://{host}:{port}/v1",
        model=profile.model,
        dimensions=profile.dimensions,
        key=platform.embedding_key,
        ca_file=platform.ca_file,
        tells_kinds=profile.tells_kinds,
    )


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors in the order of their texts, and the service's token count."""

    vectors: list[list[float]]
    tokens: int


class Embedder:
    """A client of one embedding service. Can be shared between threads."""

    def __init__(
        self,
        service: EmbeddingService,
        progress: Progress | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._service = service
        self._progress = progress or SilentProgress()
        self._sleep = sleep
        self._attempts = attempts
        self._client = self._connect()

    def _connect(self) -> openai.OpenAI:
        import openai

        trust = ssl.create_default_context(cafile=str(self._service.ca_file) if self._service.ca_file else None)
        return openai.OpenAI(
            base_url=self._service.url,
            api_key=self._service.key,
            organization="",  # ignore the user's environment: only the stack's settings count
            timeout=patience(120),
            max_retries=0,
            http_client=openai.DefaultHttpxClient(verify=trust),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def passages(self, texts: Sequence[str]) -> Embedded:
        """Vectors of texts that are to be found.

        Raises PlatformError with the kind of failure; never returns a part of the vectors.
        """
        return self._embed(texts, "passage")

    def query(self, text: str) -> list[float]:
        """The vector of a question. Raises PlatformError like `passages`."""
        return self._embed([text], "query").vectors[0]

    def _embed(self, texts: Sequence[str], kind: str) -> Embedded:
        if not texts:
            return Embedded([], 0)
        extra: dict[str, Any] = {"extra_body": {"input_type": kind}} if self._service.tells_kinds else {}
        answer = self._retried(lambda: self._client.embeddings.create(model=self._service.model, input=list(texts), **extra))
        vectors = [list(item.embedding) for item in sorted(answer.data, key=lambda item: item.index)]
        if len(vectors) != len(texts):
            raise self._failure(f"{len(texts)} texts were answered with {len(vectors)} vectors", "report it to the service's operator")
        wrong = {len(vector) for vector in vectors} - {self._service.dimensions}
        if wrong:
            raise self._failure(
                f"vectors of {', '.join(map(str, sorted(wrong)))} dimensions where the blueprint says {self._service.dimensions}",
                "make model and dimensions in christmas/blueprint/collections_and_properties.py match the service",
            )
        return Embedded(vectors, answer.usage.total_tokens)

    def _retried(self, call: Callable[[], Any]) -> Any:
        import openai

        for attempt in range(1, self._attempts + 1):
            try:
                return call()
            except openai.APIStatusError as error:
                self._refuse_what_stays(error)
                reason, pause = f"status {error.status_code}", _retry_after(error)
            except openai.APIConnectionError as error:
                if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE" in str(error.__cause__):
                    raise self._failure(f"its certificate is not trusted: {error.__cause__}", "invoke up renews it") from error
                reason, pause = f"{error.__cause__ or error}", None
            if attempt == self._attempts:
                raise self._failure(f"no answer after {attempt} attempts, the last one: {reason}", "try again later; written files stay")
            wait = min(LONGEST_WAIT, pause if pause is not None else min(LONGEST_WAIT, 0.5 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311
            self._progress.status(f"the embedding service says {reason}; waiting {wait:.1f} s")
            self._sleep(wait)
        raise AssertionError("unreachable")

    def _refuse_what_stays(self, error: openai.APIStatusError) -> None:
        """Raise at once if another try can't help."""
        status = error.status_code
        if status in (401, 403):
            raise self._failure(
                f"the key was refused (status {status})", "set a valid key: pulumi config set --secret OPENAI_API_KEY …"
            ) from None
        if error.code == "insufficient_quota":
            raise self._failure("the account's quota is used up", "raise the quota or wait for its renewal, then run this again") from None
        if status not in (408, 409, 429) and status < 500:
            kind = TextRefusedError if status in (400, 413, 422) else PlatformError
            raise self._failure(f"the request was refused (status {status}): {_message(error)}", "see the message above", kind) from None

    def _failure(self, what: str, next_step: str, kind: type[PlatformError] = PlatformError) -> PlatformError:
        return kind(what=f"embedding failed: {what}", where=f"{self._service.url}, model {self._service.model}", next_step=next_step)


def _message(error: openai.APIStatusError) -> str:
    """The service's own message, without the client's copy of the whole answer."""
    body = error.body if isinstance(error.body, dict) else {}
    return str(body.get("message") or error.message)[:200]


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds that the server asked to wait (RFC 9110, 10.2.3); None if it did not say, or not in seconds."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(error.response.headers[name]) * scale)
        except (KeyError, ValueError):
            continue
    return None
