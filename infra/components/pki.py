"""The stack's private certificate authority and its certificates."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

import pulumi

from christmas.blueprint.periods import CA_LIFETIME, CERTIFICATE_LIFETIME, RENEW_BELOW
from infra.components.placement import Placement
from infra.provider.resources import Certificate, CertificateAuthority


@dataclass(frozen=True, slots=True)
class PkiArgs:
    """Every service of the stack gets a server certificate for its name in the network and its published address."""

    placement: Placement


class Pki(pulumi.ComponentResource):
    """The stack's own CA and a certificate for each service."""

    ca_certificate: pulumi.Output[str]
    certificates: dict[str, Certificate]

    def __init__(self, name: str, args: PkiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:Pki", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        placement = args.placement
        authority = CertificateAuthority(
            f"{name}-ca", common_name=f"{placement.project} {placement.stack} CA", lifetime_days=CA_LIFETIME.days, opts=child
        )
        self.ca_certificate = authority.certificate_pem
        names, addresses = _published(placement)
        self.certificates = {
            service.name: Certificate(
                service.name,
                ca_private_key_pem=authority.private_key_pem,
                ca_certificate_pem=authority.certificate_pem,
                common_name=service.name,
                dns_names=[service.name, placement.name(service.name), "localhost", *names],
                ip_addresses=["127.0.0.1", "::1", *addresses],
                lifetime_days=placement.settings.certificate_days or CERTIFICATE_LIFETIME.days,
                renew_below=RENEW_BELOW,
                opts=child,
            )
            for service in placement.services
        }
        self.register_outputs({"ca_certificate": self.ca_certificate})

    def files(self, service: str) -> dict[str, pulumi.Input[str]]:
        """The files that a service needs for TLS, by their names in its configuration."""
        certificate = self.certificates[service]
        return {"ca.crt": self.ca_certificate, "tls.crt": certificate.certificate_pem, "tls.key": certificate.private_key_pem}


def _published(placement: Placement) -> tuple[list[str], list[str]]:
    """Names and addresses, besides loopback, of this stack for clients outside its network."""
    host = placement.settings.host
    try:
        address = ip_address(host)
    except ValueError:
        return ([host] if host != "localhost" else []), []
    return [], ([] if address.is_loopback or address.is_unspecified else [str(address)])
