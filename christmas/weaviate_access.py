"""A Weaviate client that trusts one CA, for REST and gRPC, without changing the rest of the process."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import weaviate

_Client = TypeVar("_Client", "weaviate.WeaviateClient", "weaviate.WeaviateAsyncClient")


@dataclass(frozen=True, slots=True)
class WeaviateAccess:
    """The address of a Weaviate and the credentials. `embedding_key` is passed on to the vectorizer. Timeouts in seconds."""

    host: str
    port: int
    grpc_host: str
    grpc_port: int
    ca_file: Path
    key: str = field(repr=False)
    embedding_key: str = field(default="", repr=False)
    init: float = 10
    query: float = 60
    insert: float = 120

    def client(self) -> weaviate.WeaviateClient:
        """A client that is not connected yet."""
        import weaviate

        return self._trusting(weaviate.WeaviateClient(**self._arguments()))

    def async_client(self) -> weaviate.WeaviateAsyncClient:
        """The same for asyncio."""
        import weaviate

        return self._trusting(weaviate.WeaviateAsyncClient(**self._arguments()))

    def _arguments(self) -> dict[str, Any]:
        import grpc
        from weaviate.classes.init import AdditionalConfig, Auth, GrpcConfig, Timeout
        from weaviate.connect import ConnectionParams

        return {
            "connection_params": ConnectionParams.from_params(
                self.host,
                self.port,
                True,  # noqa: FBT003 - REST is secure
                self.grpc_host,
                self.grpc_port,
                True,  # noqa: FBT003 - and so is gRPC
            ),
            "auth_client_secret": Auth.api_key(self.key),
            "additional_headers": {"X-OpenAI-Api-Key": self.embedding_key} if self.embedding_key else None,
            "additional_config": AdditionalConfig(
                timeout=Timeout(init=self.init, query=self.query, insert=self.insert),
                grpc_config=GrpcConfig(credentials=grpc.ssl_channel_credentials(root_certificates=self.ca_file.read_bytes())),
            ),
        }

    def _trusting(self, client: _Client) -> _Client:
        """Make the client's REST half trust the CA, and stop it from asking a package index for a newer client.

        The library reads a CA only from the environment, which belongs to the whole process: other threads open connections too.
        """
        import httpx
        from weaviate.connect import executor

        connection: Any = client._connection
        context = ssl.create_default_context(cafile=str(self.ca_file))
        kinds: dict[str, Any] = {"async": httpx.AsyncClient, "sync": httpx.Client}
        # Its factory of HTTP clients; the environment's proxies are for hosts outside the stack.
        connection._make_client = lambda colour: kinds[colour](headers=connection._headers, verify=context, trust_env=False)
        connection._check_package_version = executor.empty
        return client
