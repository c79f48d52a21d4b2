"""A plain `up` with nothing changed in the program renews a certificate in time; secrets and unknowns stay what they are."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest
import time_machine

from infra.provider.certificates import issue_certificate
from infra.provider.resources import Certificate, CertificateAuthority, Password
from tests.integration.provider.conftest import MakeStack
from tests.integration.provider.engine import EngineError


@dataclass
class Program:
    """A CA, a certificate and a password; `mistake` adds a resource with an input that nobody knows."""

    mistake: bool = False

    def __call__(self) -> None:
        authority = CertificateAuthority("ca", common_name="christmas scratch CA", lifetime_days=3650)
        certificate = Certificate(
            "redis", ca_private_key_pem=authority.private_key_pem, ca_certificate_pem=authority.certificate_pem, common_name="redis",
            dns_names=["redis"], lifetime_days=90,
        )  # fmt: skip
        password = Password("password", keepers={"fingerprint": certificate.fingerprint})
        pulumi.export("ca key", authority.private_key_pem)
        pulumi.export("ca", authority.certificate_pem)
        pulumi.export("key", certificate.private_key_pem)
        pulumi.export("certificate", certificate.certificate_pem)
        pulumi.export("password", password.result)
        if self.mistake:
            pulumi.CustomResource("christmas:index:Password", "mistaken", {"lenght": 20})


@dataclass
class MakeOld:
    """Puts an older pair in the certificate's place."""

    key: str
    certificate: str

    def __call__(self, resource: dict[str, Any]) -> None:
        if resource["type"] == "christmas:index:Certificate":
            resource["outputs"]["private_key_pem"]["plaintext"] = json.dumps(self.key)
            resource["outputs"]["certificate_pem"] = self.certificate


@pytest.mark.exhaustive
def test_a_plain_up_renews_what_has_little_life_left(make_stack: MakeStack) -> None:
    stack = make_stack(Program())
    first = stack.up()
    secrets = [
        first.outputs[name].strip().splitlines()[-2] if "key" in name else first.outputs[name] for name in ("ca key", "key", "password")
    ]
    assert stack.preview().ops() == {}
    assert not [secret for secret in secrets if secret in first.printed + stack.state_text()]

    with time_machine.travel(dt.datetime.now(dt.UTC) - dt.timedelta(days=70), tick=False):
        # The CA was not there yet 70 days ago, which only a client would mind.
        stack.edit_state(MakeOld(*issue_certificate(first.outputs["ca key"], first.outputs["ca"], "redis", ["redis"], [], 90)))
    seen = stack.preview()
    assert seen.ops() == {"redis": "update", "password": "update"}  # the password hangs on the certificate's fingerprint
    assert seen.steps["redis"].changed == {"not_after"}
    renewed = stack.up()
    assert renewed.outputs["certificate"] != first.outputs["certificate"]
    assert renewed.outputs["password"] != first.outputs["password"]
    assert renewed.outputs["ca"] == first.outputs["ca"]
    assert stack.preview(refresh=True).ops() == {}

    stack.program = Program(mistake=True)
    with pytest.raises(EngineError, match="unknown input 'lenght'; Password takes keepers, length"):
        stack.preview()
