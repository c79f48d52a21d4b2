from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import socket
import ssl
from collections.abc import Iterator

import docker
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from monitor.refusals import of_embedder
from tests.integration.images.embedder_server import Server, running_server
from tests.integration.images.hardened import started, volume, wait_exited, write_files
from tests.integration.images.services import EMBEDDER, secret_files
from tests.support import scratch
from tests.support.cases import in_make_test
from tests.support.waiting import PATIENCE, wait_for

MODEL = "multilingual-e5-small"

PASSAGES = [
    "주문은 사용자가 낸 매수 또는 매도 지시이며, 체결되면 거래가 기록된다.",
    "백업은 매일 전체를, 매시간 바뀐 부분만 만들어 보관한다.",
    "Redis에는 로그인 세션과 요청 제한 횟수가 만료 시간과 함께 저장된다.",
    "The embedder turns text into vectors so that documents can be searched by meaning.",
    "캔들 데이터는 종목과 시간별로 시가, 고가, 저가, 종가와 거래량을 담는다.",
]
QUESTIONS = {
    "얼마나 자주 백업하나요?": 1,
    "로그인 세션은 어디에 저장되나요?": 2,
    "종가와 거래량은 어느 데이터에 있나요?": 4,
    "How does searching documents by meaning work?": 3,
    "주문이 체결되면 무엇이 기록되나요?": 0,
}


@pytest.fixture(scope="module")
def server(authority: scratch.Authority) -> Iterator[Server]:
    with running_server(authority) as running:
        yield running


@pytest.fixture
def own_server(authority: scratch.Authority) -> Iterator[Server]:
    """A server that a test may change or end."""
    with running_server(authority) as running:
        yield running


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("question", "answer"), in_make_test(QUESTIONS.items(), 0))
@pytest.mark.parametrize("passages_as", [MODEL, f"{MODEL}-passage"])
def test_a_question_finds_its_passage_first(server: Server, question: str, answer: int, passages_as: str) -> None:
    with server.openai() as client:
        passages = [each.embedding for each in client.embeddings.create(model=passages_as, input=PASSAGES).data]
        asked = client.embeddings.create(model=MODEL, input=question).data[0].embedding
    scores = [_dot(asked, passage) for passage in passages]
    assert scores.index(max(scores)) == answer
    assert _dot(asked, asked) == pytest.approx(1, abs=1e-3)


def test_the_three_ways_to_say_passage_agree_and_differ_from_a_query(server: Server) -> None:
    with server.http() as client:

        def embed(path: str, **fields: str) -> list[float]:
            answer = client.post(path, json={"model": MODEL, "input": PASSAGES[0], **fields})
            assert answer.status_code == 200, answer.text
            vector: list[float] = answer.json()["data"][0]["embedding"]
            return vector

        by_address = embed("/passage/v1/embeddings")
        by_field = embed("/v1/embeddings", input_type="passage")
        by_model = embed("/v1/embeddings", model=f"{MODEL}-passage")
        bare = embed("/v1/embeddings")
        assert by_address == by_field == by_model
        assert bare == embed("/query/v1/embeddings") == embed("/v1/embeddings", input_type="query")
        assert _dot(bare, by_address) < 0.9999


def test_a_batch_gives_each_text_the_vector_that_it_gets_alone(server: Server) -> None:
    texts = PASSAGES * 5
    with server.openai() as client:
        batch = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
        alone = client.embeddings.create(model=MODEL, input=texts[7], encoding_format="float").data[0].embedding
    assert [each.index for each in batch.data] == list(range(len(texts)))
    assert _dot(batch.data[7].embedding, alone) == pytest.approx(1, abs=1e-3)
    assert batch.usage.prompt_tokens > len(texts)


@pytest.mark.exhaustive
def test_signs_that_stand_for_many_others_do_not_end_the_server(server: Server) -> None:
    with server.openai() as client:
        for sign in ("\ufdfa", "\u33ff", "\ufb03"):
            (vector,) = client.embeddings.create(model=MODEL, input=[sign * 200], encoding_format="float").data
            assert _dot(vector.embedding, vector.embedding) == pytest.approx(1, abs=1e-3)


REFUSALS = [
    ({"content": b"{"}, 400, None),
    ({"json": {"model": "text-embedding-ada-002", "input": "a"}}, 404, "model_not_found"),
    ({"json": {"model": MODEL, "input": []}}, 400, None),
    ({"json": {"model": MODEL, "input": "x", "dimensions": 1536}}, 400, None),
    ({"json": {"model": MODEL, "input": "word " * 9000}}, 400, "context_length_exceeded"),
    ({"content": b" " * 17_000_000}, 413, "request_too_large"),
]


@pytest.mark.parametrize(("request_", "status", "code"), REFUSALS, ids=[f"{case[1]} {case[2]}" for case in REFUSALS])
def test_bad_requests_are_refused_in_openais_shape(server: Server, request_: dict[str, object], status: int, code: str | None) -> None:
    with server.http() as client:
        answer = client.post("/v1/embeddings", **request_)  # type: ignore[arg-type]
        assert answer.status_code == status
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["code"] == code
        assert client.get("/v1/models").status_code == 200


ELSEWHERE = [("GET", "/v1/embeddings", 405), ("DELETE", "/v1/models", 405), ("GET", "/", 404), ("POST", "/v2/embeddings", 404)]


@pytest.mark.parametrize(("method", "path", "status"), ELSEWHERE)
def test_other_addresses_and_methods_are_refused_in_openais_shape(server: Server, method: str, path: str, status: int) -> None:
    with server.http() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_nothing_but_health_without_the_key(server: Server) -> None:
    body = {"model": MODEL, "input": "a"}
    for token in ("-", "wrong-key-of-some-length", server.token + "x", server.token[:-1]):
        with server.http(token) as client:
            for answer in (client.post("/v1/embeddings", json=body), client.get("/v1/models")):
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
            assert client.get("/healthz").json() == {"status": "ok"}
    # Which is where the check looks for them. Docker has read them a moment after they were answered.
    wait_for(lambda: len(list(filter(of_embedder, server.container.logs().splitlines()))) >= 8, "the refusals are in the log")
    logs = server.container.logs().decode()
    assert server.token not in logs
    assert "wrong-key" not in logs


def test_only_tls_that_the_authority_signed(server: Server) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://localhost:{server.port}/healthz")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://localhost:{server.port}/healthz")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(cadata=server.authority.pem.decode())
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"https://localhost:{server.port}/healthz", verify=old)


@pytest.mark.exhaustive
def test_a_question_does_not_wait_for_a_whole_batch(server: Server) -> None:
    answered = 0
    with server.openai() as client, concurrent.futures.ThreadPoolExecutor() as pool:
        batch = pool.submit(client.embeddings.create, model=MODEL, input=PASSAGES * 40)
        while not batch.done():
            client.embeddings.create(model=MODEL, input="백업?")
            answered += 1
        assert len(batch.result().data) == 40 * len(PASSAGES)
    # Where they waited for it, one at most could have come before it and one after.
    assert answered > 2


@pytest.mark.exhaustive
def test_a_client_that_gives_up_frees_the_engine(server: Server) -> None:
    with server.http() as client:
        begun = server.processor_seconds()
        assert client.post("/v1/embeddings", json={"model": MODEL, "input": PASSAGES * 8}).status_code == 200
        a_fiftieth = server.processor_seconds() - begun
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/embeddings", json={"model": MODEL, "input": PASSAGES * 400}, timeout=1)
        assert client.post("/v1/embeddings", json={"model": MODEL, "input": "a"}).status_code == 200
    wait_for(lambda: " 499 " in server.container.logs().decode(), "the server notices that its client is gone")
    wait_for(server.is_idle, "the server is idle")
    assert 0 < server.processor_seconds() - begun < 25 * a_fiftieth


@pytest.mark.exhaustive
def test_too_many_at_once_are_told_to_come_back(server: Server) -> None:
    with server.http() as client, concurrent.futures.ThreadPoolExecutor(100) as pool:

        def ask(_: int) -> httpx.Response:
            return client.post("/v1/embeddings", json={"model": MODEL, "input": "짧은 글"})

        def crowd() -> list[httpx.Response]:
            """Those that are refused; clients on a busy machine may not come all at once."""
            answers = list(pool.map(ask, range(100)))
            codes = {answer.status_code for answer in answers}
            assert 200 in codes
            assert codes <= {200, 429}
            return [answer for answer in answers if answer.status_code == 429]

        refused = wait_for(crowd, "too many ask at once")[0]
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["type"] == "rate_limit_error"


@pytest.mark.exhaustive
def test_a_body_that_never_comes_is_given_up_and_the_rest_goes_on(server: Server) -> None:
    with socket.create_connection(("localhost", server.port)) as plain, server.trust.wrap_socket(plain, server_hostname="localhost") as tls:
        head = f"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\nContent-Length: 100\r\n\r\n{{"
        tls.sendall(head.encode())
        with server.http() as client:
            assert client.get("/healthz").status_code == 200
        tls.settimeout(PATIENCE)
        assert tls.recv(1000).startswith(b"HTTP/1.1 408")


def _rsa_pair(authority: scratch.Authority) -> tuple[bytes, bytes]:
    """A certificate like the authority's others, but for a key of another type."""
    key = rsa.generate_private_key(65537, 2048)
    like = x509.load_pem_x509_certificate(authority.issue("embedder")[0])
    builder = (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(like.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
    )
    for extension in like.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    certificate = builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return certificate, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.mark.exhaustive
@pytest.mark.parametrize("key_type", ["ec", "rsa"])
def test_hangup_serves_the_new_certificate_and_key_without_a_failed_request(own_server: Server, key_type: str) -> None:
    server = own_server
    before = server.certificate().serial_number
    certificate, key = server.authority.issue("embedder") if key_type == "ec" else _rsa_pair(server.authority)
    fresh = {"tls.crt": certificate, "tls.key": key}
    with concurrent.futures.ThreadPoolExecutor() as pool, server.openai() as client:
        asking = [pool.submit(client.embeddings.create, model=MODEL, input=PASSAGES) for _ in range(10)]
        write_files(EMBEDDER, server.settings, fresh)
        assert server.certificate().serial_number == before, "only SIGHUP changes it"
        assert "read again" in server.hang_up_signal()
        assert all(len(each.result().data) == len(PASSAGES) for each in asking)
    assert server.certificate().serial_number == x509.load_pem_x509_certificate(certificate).serial_number
    server.container.reload()
    assert server.container.attrs["RestartCount"] == 0

    with server.http() as old, server.http("another-key-of-some-length") as new:
        for known, taken in ((b"another-key-of-some-length\n" + server.token.encode(), 200), (b"another-key-of-some-length", 401)):
            write_files(EMBEDDER, server.settings, {"api.key": known})
            server.hang_up_signal()
            assert (old.get("/v1/models").status_code, new.get("/v1/models").status_code) == (taken, 200)


@pytest.mark.exhaustive
def test_hangup_with_bad_files_keeps_what_works(own_server: Server) -> None:
    server = own_server
    before = server.certificate().serial_number
    bad: list[dict[str, bytes]] = [
        {"tls.key": server.authority.issue("embedder")[1]},
        {"tls.crt": b"not a certificate", "tls.key": server.files["tls.key"]},
        {**server.files, "api.key": b""},
    ]
    for files in bad:
        write_files(EMBEDDER, server.settings, files)
        assert "keeping the former" in server.hang_up_signal()
        assert server.certificate().serial_number == before
        with server.http() as client:
            assert client.get("/v1/models").status_code == 200


@pytest.mark.exhaustive
def test_termination_finishes_what_was_asked_and_is_quick(own_server: Server) -> None:
    with own_server.http() as client, concurrent.futures.ThreadPoolExecutor() as pool:
        begun = own_server.processor_seconds()
        answer = pool.submit(client.post, "/v1/embeddings", json={"model": MODEL, "input": PASSAGES * 8})
        wait_for(lambda: own_server.processor_seconds() - begun > 0.05, "the server works on what it was asked")
        own_server.container.kill("SIGTERM")
        assert answer.result().status_code == 200
    code, logs = wait_exited(own_server.container)
    assert "200" in logs
    assert code in {0, 143}
    assert "Traceback" not in logs


@pytest.mark.parametrize(
    ("files", "environment", "message"),
    [
        ({"api.key": b"short"}, {}, "at least 16 characters"),
        ({"tls.crt": b"nonsense"}, {}, "can't be used"),
        ({}, {"EMBEDDER_PROT": "1"}, "EMBEDDER_PROT is no setting"),
    ],
)
def test_wrong_settings_end_it_at_once_with_one_line(
    authority: scratch.Authority, files: dict[str, bytes], environment: dict[str, str], message: str
) -> None:
    service = dataclasses.replace(EMBEDDER, environment=environment)
    good, _ = secret_files(EMBEDDER, authority)
    with volume() as settings:
        write_files(service, settings, {**good, **files})
        with started(service, settings, {}) as container:
            code, logs = wait_exited(container)
    assert code == 1
    assert message in logs
    assert len(logs.strip().splitlines()) == 1


@pytest.mark.exhaustive
def test_the_health_check_notices_a_certificate_of_someone_else(own_server: Server) -> None:
    write_files(EMBEDDER, own_server.settings, {"ca.crt": scratch.new_authority().pem})
    for command in (
        docker.from_env().images.get(scratch.image("embedder")).attrs["Config"]["Healthcheck"]["Test"][1:],
        ["python3", "-m", "embedder_server", "health"],
    ):
        outcome = own_server.container.exec_run(command)
        assert (outcome.exit_code, b"certificate verify failed" in outcome.output) == (1, True), outcome.output


def test_the_image_names_its_model() -> None:
    image = docker.from_env().images.get(scratch.image("embedder"))
    assert json.loads(json.dumps(image.labels))["com.christmas.model"] == MODEL
