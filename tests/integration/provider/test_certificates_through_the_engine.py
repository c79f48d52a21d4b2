"""A plain `up` with nothing changed in the program renews a certificate in time; secrets and unknowns stay what they are."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
import time_machine

from christmas.blueprint.certificate_lifetimes import CA_LIFETIME, RENEW_BELOW
from christmas.blueprint.password_rotation import ROTATION_RULES
from infra.components.pki import Pki, PkiArgs
from infra.components.placement import Placement
from infra.provider.certificates import Certificate, CertificateAuthority, issue_certificate
from infra.provider.passwords import Password
from infra.settings import Settings
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


@dataclass
class RotatedProgram:
    """A stack's CA and certificates; as a version made them that knew no rotation, or with these settings."""

    older: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> None:
        if self.older:
            above = pulumi.ComponentResource("christmas:infra:Pki", "pki", {})
            child = pulumi.ResourceOptions(parent=above)
            name = f"christmas {pulumi.get_stack()} CA"
            authority = CertificateAuthority("pki-ca", common_name=name, lifetime_days=CA_LIFETIME.days, opts=child)
            certificate = Certificate(
                "redis", ca_private_key_pem=authority.private_key_pem, ca_certificate_pem=authority.certificate_pem, common_name="redis",
                dns_names=["redis", f"christmas-{pulumi.get_stack()}-redis", "localhost"], ip_addresses=["127.0.0.1", "::1"],
                lifetime_days=90, renew_below=RENEW_BELOW, opts=child,
            )  # fmt: skip
            pulumi.export("ca", authority.certificate_pem)
        else:
            pki = Pki("pki", PkiArgs(Placement("christmas", pulumi.get_stack(), Settings.model_validate(self.settings))))
            certificate = pki.certificates["redis"]
            pulumi.export("ca", pki.ca_certificate)
        pulumi.export("certificate", certificate.certificate_pem)


@pytest.mark.exhaustive
def test_the_ca_of_an_older_stack_stays_and_is_rotated_step_by_step(make_stack: MakeStack) -> None:
    stack = make_stack(RotatedProgram(older=True))
    first = stack.up()
    now = dt.datetime.now(dt.UTC)
    found = {}
    steps: dict[str, dict[str, Any]] = {
        "newer version": {},
        "made": {"rotations": {"ca": 1}},
        "waits": {"rotations": {"ca": 1}, "formerUntil": {"ca": f"1@{(now + ROTATION_RULES.overlap).isoformat()}"}},
        # However late it is, one step at a time.
        "changed over": {"rotations": {"ca": 1}, "formerUntil": {"ca": f"1@{(now - 9 * ROTATION_RULES.overlap).isoformat()}"}},
        "ended": {"rotations": {"ca": 1}, "formerUntil": {"ca": f"1@{(now - 9 * ROTATION_RULES.overlap).isoformat()}"}},
        "again": {"rotations": {"ca": 2}},
    }
    for step, settings in steps.items():
        stack.program = RotatedProgram(settings=settings)
        found[step] = stack.up().outputs
        if step != "changed over":
            assert stack.preview(refresh=True).ops() == {}, step
    assert found["newer version"] == first.outputs
    assert found["made"] == found["waits"] == {**first.outputs, "ca": found["made"]["ca"]}
    assert found["made"]["ca"].startswith(first.outputs["ca"])
    assert found["made"]["ca"].count("BEGIN CERTIFICATE") == 2
    assert found["changed over"]["ca"] == found["made"]["ca"]
    assert found["changed over"]["certificate"] != first.outputs["certificate"]
    assert found["ended"]["ca"] == found["made"]["ca"].removeprefix(first.outputs["ca"])
    assert found["ended"]["certificate"] == found["changed over"]["certificate"] == found["again"]["certificate"]
    assert found["again"]["ca"].endswith(found["ended"]["ca"])
