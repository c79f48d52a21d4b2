"""The stack's private CA and its certificates: ECDSA on P-256, renewed in time by a plain `up`."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airgap.toolchain.plugin.wire import UNKNOWN, has_unknown
from core.errors import PlatformError
from infra.provider.declaration import Input, Output, Resource, gives, takes
from infra.provider.kind import Call, ResourceKind, Values

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

# Clocks of clients and servers may differ by this much.
_CLOCK_SKEW = timedelta(minutes=5)


def _share(value: float) -> str | None:
    return None if 0 < value < 1 else "must be between 0 and 1"


def _days(value: float) -> str | None:
    return None if 0 < value <= 7300 else "must be between 0 and 7300 days"


def _address(values: list[str]) -> str | None:
    for value in values:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            return f"has {value!r}, which is not an IP address"
    return None


def life_left(certificate_pem: str, now: datetime) -> float:
    """The remaining share of a certificate's life: 1 when just issued, 0 or less when expired."""
    certificate = _load(certificate_pem)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (end - now) / (end - start)


def _load(pem: str) -> x509.Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem.encode())


def _load_key(pem: str) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic curve key")
    return key


def _matches(key_pem: str, certificate_pem: str) -> bool:
    try:
        return _load_key(key_pem).public_key() == _load(certificate_pem).public_key()
    except ValueError:
        return False


def _new_key() -> tuple[ec.EllipticCurvePrivateKey, str]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key, pem.decode()


def _builder(common_name: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey, end: datetime) -> x509.CertificateBuilder:
    from cryptography import x509

    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - _CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def issue_authority(common_name: str, lifetime_days: float) -> tuple[str, str]:
    """A new CA's private key and self-signed certificate, both PEM. It may sign servers' certificates but no further CA."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key, key_pem = _new_key()
    builder = _builder(common_name, None, key, datetime.now(UTC) + timedelta(days=lifetime_days))
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key_pem, _pem(certificate)


def issue_certificate(
    ca_key_pem: str, ca_pem: str, common_name: str, dns_names: Sequence[str], ip_addresses: Sequence[str], lifetime_days: float
) -> tuple[str, str]:
    """A new server certificate's private key and certificate, both PEM; it never outlives its CA.

    Raises PlatformError if the CA's key and certificate don't belong together.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    if not _matches(ca_key_pem, ca_pem):
        raise PlatformError(
            what="the CA's private key does not belong to its certificate",
            where=f"certificate {common_name}",
            next_step="give both from one CertificateAuthority; `pulumi up` makes a new pair if the recorded one does not match",
        )
    ca_key, ca = _load_key(ca_key_pem), _load(ca_pem)
    key, key_pem = _new_key()
    end = min(datetime.now(UTC) + timedelta(days=lifetime_days), ca.not_valid_after_utc)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ip_addresses]
    builder = (
        _builder(common_name, ca.subject, key, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key_pem, _pem(builder.sign(ca_key, hashes.SHA256()))


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _signed_by(certificate_pem: str, ca_pem: str) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        _load(certificate_pem).verify_directly_issued_by(_load(ca_pem))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names_of(certificate_pem: str) -> tuple[set[str], set[str]]:
    from cryptography import x509

    try:
        names = _load(certificate_pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set(), set()
    return set(names.get_values_for_type(x509.DNSName)), {str(address) for address in names.get_values_for_type(x509.IPAddress)}


def _described(key_pem: str, certificate_pem: str) -> Values:
    from cryptography.hazmat.primitives import hashes

    certificate = _load(certificate_pem)
    return {
        "private_key_pem": key_pem,
        "certificate_pem": certificate_pem,
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "fingerprint": certificate.fingerprint(hashes.SHA256()).hex(),
    }


def _needs_renewal(state: Values, renew_below: float) -> str | None:
    """Why a key and certificate have to be renewed; None if they are still good."""
    try:
        left = life_left(state["certificate_pem"], datetime.now(UTC))
    except (KeyError, ValueError):
        return "the recorded certificate can't be read"
    if not _matches(state.get("private_key_pem", ""), state["certificate_pem"]):
        return "key and certificate don't belong together"
    if left < renew_below:
        return f"{max(left, 0):.0%} of its life is left"
    return None


class _Issued(Resource):
    private_key_pem: Output[str] = gives(secret=True)
    certificate_pem: Output[str] = gives()
    not_after: Output[str] = gives()
    fingerprint: Output[str] = gives()


class _IssuingKind(ResourceKind):
    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:
        """Unknown outputs: every update issues a new certificate."""
        del state, changed, inputs
        return dict.fromkeys(self.outputs, UNKNOWN)

    def update(self, call: Call, state: Values, old: Values, inputs: Values) -> Values:
        """Issue a new one; the id stays."""
        del state, old
        return self.create(call, inputs)[1]


class CertificateAuthority(_Issued):
    """A private CA (ECDSA P-256). Renewed, with all its certificates, when less than `renew_below` of its life is left.

    A changed `generation` makes another one, and the empty one none: key and certificate are then empty.
    """

    common_name: Input[str]
    # Without a default, so that older stacks see no change.
    generation: Input[str | None] | None = None
    lifetime_days: Input[float] = takes(rule=_days)
    renew_below: Input[float] = takes(default=1 / 3, rule=_share)


class CertificateAuthorityKind(_IssuingKind):
    """Issues it to itself."""

    declared = CertificateAuthority

    def differences(self, state: Values, old: Values, new: Values) -> dict[str, str]:  # noqa: D102
        del old
        reason = None if has_unknown(new) or new.get("generation") == "" else _needs_renewal(state, new["renew_below"])
        return {"not_after": reason} if reason else {}

    def planned(self, state: Values | None, changed: frozenset[str], inputs: Values) -> Values:  # noqa: D102
        return dict.fromkeys(self.outputs, "") if inputs.get("generation") == "" else super().planned(state, changed, inputs)

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        if inputs.get("generation") == "":
            return call.name, dict.fromkeys(self.outputs, "")
        return call.name, _described(*issue_authority(inputs["common_name"], inputs["lifetime_days"]))


class Certificate(_Issued):
    """A server's certificate, signed by a CertificateAuthority.

    A plain `up` renews it when less than `renew_below` (a third) of its life is left, or it doesn't match.
    """

    ca_private_key_pem: Input[str] = takes(secret=True)
    ca_certificate_pem: Input[str]
    common_name: Input[str]
    dns_names: Input[Sequence[Input[str]]] = takes(default=[])
    ip_addresses: Input[Sequence[Input[str]]] = takes(default=[], rule=_address)
    lifetime_days: Input[float] = takes(rule=_days)
    renew_below: Input[float] = takes(default=1 / 3, rule=_share)


class CertificateKind(_IssuingKind):
    """Issues it with the CA's key."""

    declared = Certificate

    def differences(self, state: Values, old: Values, new: Values) -> dict[str, str]:  # noqa: D102
        del old
        if has_unknown(new):
            return {}  # the unknown input is a difference already
        reason = _needs_renewal(state, new["renew_below"])
        if reason is None and not _signed_by(state["certificate_pem"], new["ca_certificate_pem"]):
            reason = "it was signed by another CA"
        addresses = {str(ipaddress.ip_address(address)) for address in new["ip_addresses"]}
        if reason is None and _names_of(state["certificate_pem"]) != (set(new["dns_names"]), addresses):
            reason = "it has other names"
        return {"not_after": reason} if reason else {}

    def create(self, call: Call, inputs: Values) -> tuple[str, Values]:  # noqa: D102
        key, certificate = issue_certificate(
            inputs["ca_private_key_pem"],
            inputs["ca_certificate_pem"],
            inputs["common_name"],
            inputs["dns_names"],
            inputs["ip_addresses"],
            inputs["lifetime_days"],
        )
        return call.name, _described(key, certificate)
