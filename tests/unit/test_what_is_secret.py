"""What the tests look for in outputs: every secret line of a key, and no line that its certificate has as well."""

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.secret_values import SECRET, SIGNATURE, secrets_of, shown


def test_of_a_private_key_the_lines_with_the_private_half() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    lines = pem.splitlines()[1:-1]
    state = {
        "key": {SIGNATURE: SECRET, "plaintext": json.dumps(pem)},
        "name": {SIGNATURE: SECRET, "plaintext": json.dumps("a\nchristmas-dev-1-embedder-of-it")},
    }
    secrets = secrets_of(state)
    assert shown(secrets, lines[0])
    assert shown(secrets, lines[1])
    assert shown(secrets, lines[2] + " christmas-dev-1-embedder-of-it") == []
