from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import docker
import grpc
import httpx
import pytest
import weaviate
from docker.models.containers import Container
from pydantic import AnyHttpUrl
from weaviate.backup.backup import BackupStatus
from weaviate.classes.backup import BackupStorage
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.init import Auth
from weaviate.classes.query import MetadataQuery
from weaviate.config import AdditionalConfig, GrpcConfig

from backup.weaviate.back_up import new_id
from christmas.blueprint.services import service
from tests.integration.images.hardened import running
from tests.integration.images.services import EMBEDDER, WEAVIATE, secret_files
from tests.support import port_scan, scratch
from tests.support.waiting import PATIENCE

GRPC = 50051


@dataclasses.dataclass
class Server:
    """Weaviate with the embedder beside it in one network."""

    container: Container
    authority: scratch.Authority
    key: str
    cluster_password: str
    embedder_key: str

    @property
    def address(self) -> str:
        """The container's own address, at which the host reaches every port that listens on all of them."""
        networks = self.container.attrs["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    def get(self, path: str, key: str | None = None) -> httpx.Response:
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.get(f"https://localhost:{scratch.published(self.container, WEAVIATE.port)}{path}", verify=context, headers=headers)

    def client(self, key: str, folder: Path) -> weaviate.WeaviateClient:
        (folder / "ca.crt").write_bytes(self.authority.pem)
        return weaviate.connect_to_custom(
            http_host="localhost",
            http_port=scratch.published(self.container, WEAVIATE.port),
            http_secure=True,
            grpc_host="localhost",
            grpc_port=scratch.published(self.container, GRPC),
            grpc_secure=True,
            auth_credentials=Auth.api_key(key),
            headers={"X-OpenAI-Api-Key": self.embedder_key},
            additional_config=AdditionalConfig(
                trust_env=True, grpc_config=GrpcConfig(credentials=grpc.ssl_channel_credentials(self.authority.pem))
            ),
        )


@pytest.fixture(scope="module")
def server(authority: scratch.Authority) -> Iterator[Server]:
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(scratch.network())
        files, embedder_secrets = secret_files(EMBEDDER, authority)
        stack.enter_context(running(EMBEDDER, files, inside=network))
        files, secrets = secret_files(WEAVIATE, authority)
        container = stack.enter_context(running(WEAVIATE, files, inside=network, also=(GRPC,)))
        yield Server(container, authority, secrets["password"], secrets["cluster"], embedder_secrets["password"])


@pytest.fixture
def client(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[weaviate.WeaviateClient]:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    with server.client(server.key, tmp_path) as connected:
        yield connected


def test_the_key_from_the_file_is_the_only_way_in(server: Server) -> None:
    assert server.get("/v1/.well-known/ready").status_code == 200
    assert server.get("/v1/schema").status_code == 401
    assert server.get("/v1/schema", "wrong").status_code == 401
    assert server.get("/v1/schema", server.key).status_code == 200


def test_accounts_made_at_run_time_may_do_only_what_their_role_allows(
    server: Server, client: weaviate.WeaviateClient, tmp_path: Path
) -> None:
    key = client.users.db.create(user_id="reader")
    client.users.db.assign_roles(user_id="reader", role_names=["viewer"])
    with server.client(key, tmp_path) as reader:
        assert reader.collections.exists("Nothing") is False
        with pytest.raises(weaviate.exceptions.UnexpectedStatusCodeError, match="403"):
            reader.collections.create("Forbidden")
    scratch.wait_until(lambda: '"user":"reader"' in server.container.logs().decode(), server.container)
    assert '"action":"authorize"' in server.container.logs().decode()
    client.users.db.delete(user_id="reader")
    assert server.get("/v1/schema", key).status_code == 401


def test_only_the_three_declared_ports_answer_and_the_clusters_own_wants_its_password(server: Server) -> None:
    assert port_scan.listening(server.container) == port_scan.declared(service("weaviate"))
    internal = f"http://{server.address}:7947"
    # Weaviate 1.39 asks no password for /backups/commit, /abort and /status, of which only abort does anything by itself.
    guarded = ("/nodes/status", "/indices/X/shards/Y/objects", "/replicas/indices/X/shards/Y/objects", "/cluster/users/db/x")
    for path in (*guarded, "/backups/can-commit", "/exports/status", "/v1/cluster/join"):
        assert httpx.post(internal + path).status_code in {401, 404}, path
    for path in guarded:
        assert httpx.get(internal + path).status_code == 401, path
    assert httpx.get(f"{internal}/nodes/status", auth=("cluster", server.cluster_password)).status_code == 200


@pytest.mark.exhaustive
def test_a_neighbour_ends_no_backup_whose_id_it_does_not_know(server: Server, client: weaviate.WeaviateClient) -> None:
    """Nor can it commit one or ask after one: the three that want no password want the id, which is drawn anew for each backup."""
    set_id = "20261129-145532-full-f488"
    backup_id = new_id(set_id)
    client.collections.create("Guarded", vector_config=Configure.Vectors.self_provided())
    client.collections.use("Guarded").data.insert({"content": "x"}, vector=[1.0, 0.0])
    internal = f"http://{server.address}:7947/backups"
    client.backup.create(backup_id=backup_id, backend=BackupStorage.FILESYSTEM, include_collections=["Guarded"])
    for guess in (set_id, f"{set_id}-{'0' * 32}", backup_id[:-1]):
        told = {"Method": "create", "ID": guess, "Backend": "filesystem"}
        assert httpx.post(f"{internal}/abort", json=told).status_code == 204
        assert httpx.post(f"{internal}/commit", json=told).status_code == 500
        assert "SUCCESS" not in httpx.post(f"{internal}/status", json=told).text
    scratch.wait_until(
        lambda: (
            client.backup.get_create_status(backup_id=backup_id, backend=BackupStorage.FILESYSTEM).status
            in (BackupStatus.SUCCESS, BackupStatus.FAILED, BackupStatus.CANCELED)
        ),
        server.container,
    )
    assert client.backup.get_create_status(backup_id=backup_id, backend=BackupStorage.FILESYSTEM).status == BackupStatus.SUCCESS
    client.collections.delete("Guarded")


def test_plain_text_is_refused(server: Server) -> None:
    with socket.create_connection(("localhost", scratch.published(server.container, WEAVIATE.port)), timeout=PATIENCE) as plain:
        plain.sendall(b"GET /v1/meta HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = plain.recv(1024)
    assert b"400" in answer.split(b"\r\n")[0]


@pytest.mark.exhaustive
def test_documents_are_embedded_over_verified_tls_in_batches_and_found_by_meaning(client: weaviate.WeaviateClient) -> None:
    passages = [
        "백업은 매일 전체를, 매시간 바뀐 부분만 만든다.",
        "세션은 하루가 지나면 만료된다.",
        "주문이 체결되면 거래가 기록된다.",
        "Candles hold open, high, low and close of a symbol.",
    ]
    address = AnyHttpUrl("https://embedder:8443")
    vectors = Configure.Vectors.text2vec_openai(model="multilingual-e5-small", base_url=address, vectorize_collection_name=False)
    notes = client.collections.create("Note", vector_config=vectors, properties=[Property(name="content", data_type=DataType.TEXT)])
    # The batch path counts tokens with the vocabulary in the image; without it the server would crash here.
    with notes.batch.fixed_size(batch_size=50) as batch:
        for number in range(60):
            batch.add_object({"content": passages[number] if number < len(passages) else f"무관한 문장 {number}: 날씨가 맑다."})
    assert notes.batch.failed_objects == []
    found = notes.query.near_text("얼마나 자주 백업하나요?", certainty=0.7, limit=5, return_metadata=MetadataQuery(certainty=True))
    assert found.objects[0].properties["content"] == passages[0]
    assert len(found.objects) == 5
    vector = next(iter(notes.iterator(include_vector=True))).vector["default"]
    assert len(vector) == 384


@pytest.mark.exhaustive
def test_backups_go_to_their_own_volume(server: Server, client: weaviate.WeaviateClient) -> None:
    kept = client.collections.create("Kept", properties=[Property(name="content", data_type=DataType.TEXT)])
    kept.data.insert({"content": "x"}, vector=[0.1] * 384)
    done = client.backup.create(backup_id="first", backend=BackupStorage.FILESYSTEM, include_collections=["Kept"], wait_for_completion=True)
    assert done.status == "SUCCESS"
    client.collections.delete("Kept")
    client.backup.restore(backup_id="first", backend=BackupStorage.FILESYSTEM, wait_for_completion=True)
    assert len(list(client.collections.get("Kept").iterator())) == 1
    mounts = {mount["Destination"] for mount in server.container.attrs["Mounts"]}
    assert "/var/lib/weaviate-backups" in mounts


def test_the_image_serves_the_pinned_version(client: weaviate.WeaviateClient) -> None:
    labels = docker.from_env().images.get(scratch.image("weaviate")).labels
    assert client.get_meta()["version"] == labels["org.opencontainers.image.version"]
