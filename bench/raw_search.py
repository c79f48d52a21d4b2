"""Vector queries to Weaviate as bytes that are ready before the clock starts, so that what is measured is the server and not a client."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from infra.connections import Platform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RawSearch:
    """Asks one collection the same questions again and again."""

    def __init__(self, call: Any, key: str, questions: Sequence[bytes]) -> None:
        self._call = call
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._questions = questions

    def one_by_one(self) -> tuple[list[list[int]], list[float]]:
        """The ids, as numbers, that each question found, and the seconds that each answer took."""
        from weaviate.proto.v1 import search_get_pb2

        answers, latencies = [], []
        for question in self._questions:
            started = time.perf_counter()
            answers.append(self._call(question, metadata=self._metadata, timeout=60))
            latencies.append(time.perf_counter() - started)
        replies = (search_get_pb2.SearchReply.FromString(answer) for answer in answers)
        return [[int.from_bytes(result.metadata.id_as_bytes, "big") for result in reply.results] for reply in replies], latencies

    def rate(self, clients: int) -> float:
        """Answers per second of so many clients at once, each asking every question."""

        def ask(_number: int) -> int:
            return sum(bool(self._call(question, metadata=self._metadata, timeout=60)) for question in self._questions)

        started = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            return sum(pool.map(ask, range(clients))) / (time.perf_counter() - started)


@contextlib.contextmanager
def raw_search(platform: Platform, account: str, collection: str, questions: NDArray[np.float32], limit: int) -> Iterator[RawSearch]:
    """A connection, and a request of `limit` neighbours for each question (a row)."""
    import grpc
    from weaviate.proto.v1 import base_search_pb2, search_get_pb2

    host, port = platform.endpoints["weaviate_grpc"].address()
    requests = [
        search_get_pb2.SearchRequest(
            collection=collection,
            limit=limit,
            uses_123_api=True,
            uses_125_api=True,
            uses_127_api=True,
            metadata=search_get_pb2.MetadataRequest(uuid=True),
            properties=search_get_pb2.PropertiesRequest(),
            near_vector=base_search_pb2.NearVector(vector_bytes=row.astype("<f4").tobytes()),
        ).SerializeToString()
        for row in questions
    ]
    with grpc.secure_channel(f"{host}:{port}", grpc.ssl_channel_credentials(platform.ca_file.read_bytes())) as channel:
        yield RawSearch(channel.unary_unary("/weaviate.v1.Weaviate/Search", None, None), platform.secret(account, "weaviate"), requests)
