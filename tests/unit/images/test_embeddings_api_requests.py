from __future__ import annotations

import base64
import json
import struct
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgap.images.embedder.embedder_server.api import (
    DIMENSIONS,
    MAX_INPUTS,
    MODEL,
    ApiError,
    Kind,
    check_tokens,
    embeddings_body,
    models_body,
    parse_request,
)
from airgap.images.versions import EMBEDDING_DIMENSIONS, EMBEDDING_MODEL


def _body(**fields: Any) -> bytes:
    return json.dumps({"model": MODEL, "input": "text", **fields}).encode()


def test_the_server_and_the_project_mean_the_same_model() -> None:
    assert (MODEL, DIMENSIONS) == (EMBEDDING_MODEL, EMBEDDING_DIMENSIONS)


@pytest.mark.parametrize(
    ("fields", "path_kind", "kind"),
    [
        ({}, None, Kind.QUERY),
        ({"input": ["a", "b"]}, None, Kind.QUERY),
        ({}, Kind.PASSAGE, Kind.PASSAGE),
        ({}, Kind.QUERY, Kind.QUERY),
        ({"model": f"{MODEL}-passage"}, None, Kind.PASSAGE),
        ({"model": f"{MODEL}-query"}, Kind.PASSAGE, Kind.QUERY),
        ({"input_type": "passage"}, None, Kind.PASSAGE),
        ({"input_type": "document"}, None, Kind.PASSAGE),
        ({"input_type": "query", "model": f"{MODEL}-passage"}, Kind.PASSAGE, Kind.QUERY),
        ({"input_type": None, "model": f"{MODEL}-passage"}, None, Kind.PASSAGE),
    ],
)
def test_kind_is_said_by_field_then_model_then_address_and_is_else_a_query(
    fields: dict[str, Any], path_kind: Kind | None, kind: Kind
) -> None:
    assert parse_request(_body(**fields), path_kind).kind is kind


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"model": None}, 400, "model"),
        ({"model": 7}, 400, "model"),
        ({"model": "text-embedding-ada-002"}, 404, "model"),
        ({"input": None}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": "  \n"}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": ["a", ""]}, 400, "input"),
        ({"input": ["a", None]}, 400, "input"),
        ({"input": ["a", True]}, 400, "input"),
        ({"input": {"text": "a"}}, 400, "input"),
        ({"input": [1, 2, 3]}, 400, "input"),
        ({"input": [[1, 2], [3]]}, 400, "input"),
        ({"input": ["\ud800"]}, 400, "input"),
        ({"input": ["a"] * (MAX_INPUTS + 1)}, 400, "input"),
        ({"encoding_format": "hex"}, 400, "encoding_format"),
        ({"dimensions": 1536}, 400, "dimensions"),
        ({"dimensions": "384"}, 400, "dimensions"),
        ({"dimensions": True}, 400, "dimensions"),
        ({"input_type": "question"}, 400, "input_type"),
        ({"input_type": ["query"]}, 400, "input_type"),
        ({"encoding-format": "float"}, 400, "encoding-format"),
    ],
)
def test_what_openai_would_refuse_is_refused_in_its_shape(fields: dict[str, Any], status: int, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse_request(_body(**fields))
    assert caught.value.status == status
    error = json.loads(caught.value.body())["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe{}", b'{"input":', b"[" * 100_000, b"\xef\xbb\xbf{}"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_request(body)
    assert caught.value.status == 400


@given(st.binary(max_size=200) | st.from_type(dict[str, str | int | list[str]]).map(lambda value: json.dumps(value).encode()))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    try:
        outcome = bool(parse_request(body).texts)
    except ApiError as error:
        outcome = bool(json.loads(error.body())["error"]["message"])
    assert outcome


def test_full_sized_request_and_null_characters_are_taken() -> None:
    request = parse_request(_body(input=["한국어\0text"] * MAX_INPUTS, dimensions=DIMENSIONS, encoding_format="base64", user="u"))
    assert len(request.texts) == MAX_INPUTS
    assert request.texts[0] == "한국어 text"
    assert request.as_base64


@pytest.mark.parametrize("sign", ["\ufdfa", "\ufdfb", "\u3300", "\u33ff", "\ufb03", "\u2a74"])
def test_signs_that_stand_for_many_are_written_out_before_the_engine_sees_them(sign: str) -> None:
    """The engine's buffer has four times the bytes of a text; whatever grows more in it overwrites memory."""
    (text,) = parse_request(_body(input=sign * 100)).texts
    assert text == unicodedata.normalize("NFKC", sign * 100)
    assert len(unicodedata.normalize("NFKC", text)) <= len(text.encode())


def test_tokens_are_bounded_for_each_input_and_in_all() -> None:
    assert check_tokens(["a", "bb"], len) == 3
    with pytest.raises(ApiError, match="input 1 has 8193 tokens"):
        check_tokens(["a", "b" * 8193], len)
    with pytest.raises(ApiError, match="300000"):
        check_tokens(["a" * 8192] * 37, len)


def test_answers_have_openais_shape_both_ways() -> None:
    vectors = [struct.pack("<3f", 0.5, -1.0, 0.25), struct.pack("<3f", 1.0, 0.0, 2.0)]

    def decode(vector: bytes) -> list[float]:
        return list(struct.unpack("<3f", vector))

    plain = json.loads(embeddings_body(parse_request(_body(input=["a", "b"])), vectors, decode, 7))
    assert plain == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0, 0.25]},
            {"object": "embedding", "index": 1, "embedding": [1.0, 0.0, 2.0]},
        ],
        "model": MODEL,
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    packed = json.loads(embeddings_body(parse_request(_body(input=["a", "b"], encoding_format="base64")), vectors, decode, 7))
    assert [base64.b64decode(each["embedding"]) for each in packed["data"]] == vectors


def test_models_are_listed_under_the_names_that_are_taken() -> None:
    names = [model["id"] for model in json.loads(models_body())["data"]]
    assert names == [MODEL, f"{MODEL}-query", f"{MODEL}-passage"]
    assert [parse_request(_body(model=name)).model for name in names] == names
