"""The stack's private certificate authority and its certificates. While it is rotated there are two, and both are trusted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address

import pulumi

from christmas.blueprint.certificate_lifetimes import CA_LIFETIME, CERTIFICATE_LIFETIME, RENEW_BELOW
from christmas.blueprint.model import Service
from christmas.blueprint.password_rotation import ROTATION_RULES
from christmas.blueprint.services import WEAVIATE
from infra.components.names import LIVE_PAGE
from infra.components.placement import Placement
from infra.provider.certificates import Certificate, CertificateAuthority
from infra.provider.rotation import AuthorityRotation
from infra.settings import AUTHORITY


@dataclass(frozen=True, slots=True)
class PkiArgs:
    """Every service of the stack gets a server certificate for its name in the network and its published address."""

    placement: Placement


class Pki(pulumi.ComponentResource):
    """The stack's own CA, a certificate for each service, and one for the live page. `ca_certificate` has all that are trusted."""

    turn: AuthorityRotation
    ca_certificate: pulumi.Output[str]
    certificates: dict[str, Certificate]
    page: Certificate
    _inner_ca: pulumi.Output[str]

    def __init__(self, name: str, args: PkiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Pki", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        placement = args.placement
        settings, now = placement.settings, datetime.now(UTC)
        turn = self.turn = AuthorityRotation(
            f"{AUTHORITY}-rotation",
            generation=settings.rotations.get(AUTHORITY, 0),
            hand_over=settings.overlap_is_over(AUTHORITY, now),
            over=settings.overlap_is_over(AUTHORITY, now - ROTATION_RULES.overlap),
            opts=child,
        )
        first, twin = (
            CertificateAuthority(
                resource,
                common_name=generation.apply(
                    lambda number: f"{placement.project} {placement.stack} CA" + (f" {number}" if number not in ("", "0") else "")
                ),
                # None for the first of all, which has none in older stacks.
                generation=generation.apply(lambda number: None if number == "0" else number),
                lifetime_days=CA_LIFETIME.days,
                opts=child,
            )
            for resource, generation in ((f"{name}-ca", turn.first), (f"{name}-ca-twin", turn.twin))
        )

        def signing(of_first: pulumi.Output[str], of_twin: pulumi.Output[str]) -> pulumi.Output[str]:
            return turn.signer.apply(lambda place: of_twin if place == "twin" else of_first)

        # An empty place has none.
        self.ca_certificate = pulumi.Output.concat(first.certificate_pem, twin.certificate_pem)
        names, addresses = _published(placement)

        def certificate(part: str, dns_names: list[str], ip_addresses: list[str]) -> Certificate:
            return Certificate(
                part,
                ca_private_key_pem=signing(first.private_key_pem, twin.private_key_pem),
                ca_certificate_pem=signing(first.certificate_pem, twin.certificate_pem),
                common_name=part,
                dns_names=dns_names,
                ip_addresses=["127.0.0.1", "::1", *ip_addresses],
                lifetime_days=placement.settings.certificate_days or CERTIFICATE_LIFETIME.days,
                renew_below=RENEW_BELOW,
                opts=child,
            )

        self.certificates = {
            service.name: certificate(
                service.name,
                [*(host for known in (service.name, *service.aliases) for host in (known, placement.name(known))), "localhost", *names],
                addresses,
            )
            for service in placement.services
            if not service.inner
        }
        # It listens on loopback alone.
        self.page = certificate(LIVE_PAGE, ["localhost"], [])
        self._inner_ca, inner = self._inner(name, placement, child)
        self.certificates |= inner
        self.register_outputs({"ca_certificate": self.ca_certificate})

    @staticmethod
    def _inner(name: str, placement: Placement, child: pulumi.ResourceOptions) -> tuple[pulumi.Output[str], dict[str, Certificate]]:
        """A CA that is trusted in the inner network alone, and its certificates.

        They last: the server there reads them at its start only, so neither a renewal nor a rotation of the stack's CA concerns it.
        """
        generation = placement.settings.rotations.get(WEAVIATE.name, 0)
        authority = CertificateAuthority(
            f"{name}-inner-ca",
            common_name=f"{placement.project} {placement.stack} inner CA",
            generation=str(generation) if generation else None,
            lifetime_days=CA_LIFETIME.days,
            opts=child,
        )
        names = {service.name: [service.name, "localhost"] for service in placement.services if service.inner}
        names |= {f"{service.name}-inner": list(service.inner_aliases) for service in placement.services if service.inner_aliases}
        return authority.certificate_pem, {
            certificate: Certificate(
                certificate,
                ca_private_key_pem=authority.private_key_pem,
                ca_certificate_pem=authority.certificate_pem,
                common_name=certificate,
                dns_names=known,
                ip_addresses=["127.0.0.1"],
                lifetime_days=CA_LIFETIME.days,
                renew_below=RENEW_BELOW,
                opts=child,
            )
            for certificate, known in names.items()
        }

    def files(self, service: Service) -> dict[str, pulumi.Input[str]]:
        """The files that a service needs for TLS, by their names in its configuration."""
        certificate = self.certificates[service.name]
        files: dict[str, pulumi.Input[str]] = {
            "ca.crt": self._inner_ca if service.inner else self.ca_certificate,
            "tls.crt": certificate.certificate_pem,
            "tls.key": certificate.private_key_pem,
        }
        if service.inner_aliases:
            inside = self.certificates[f"{service.name}-inner"]
            files |= {"inner-ca.crt": self._inner_ca, "inner.crt": inside.certificate_pem, "inner.key": inside.private_key_pem}
        return files


def _published(placement: Placement) -> tuple[list[str], list[str]]:
    """Names and addresses, besides loopback, of this stack for clients outside its network."""
    host = placement.settings.host
    try:
        address = ip_address(host)
    except ValueError:
        return ([host] if host != "localhost" else []), []
    return [], ([] if address.is_loopback or address.is_unspecified else [str(address)])
