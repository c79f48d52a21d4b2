"""The outputs of a stack; `infra.connections` reads exactly these."""

from __future__ import annotations

from typing import Any

import pulumi

from christmas.blueprint.accounts import ACCOUNTS
from infra.components.credentials import Credentials
from infra.components.embedder import Embedder
from infra.components.monitoring import Monitoring
from infra.components.network import PlatformNetwork
from infra.components.pki import Pki
from infra.components.placement import Placement
from infra.components.ports import Ports, endpoints_of
from infra.components.redis import Redis
from infra.components.timescaledb import TimescaleDb
from infra.components.weaviate import Weaviate
from infra.settings import AUTHORITY


def export(
    placement: Placement,
    network: PlatformNetwork,
    ports: Ports,
    pki: Pki,
    credentials: Credentials,
    embedder: Embedder,
    timescaledb: TimescaleDb,
    redis: Redis,
    weaviate: Weaviate,
    monitoring: Monitoring | None,
) -> None:
    """Export endpoints, names, the CA and the accounts' secrets; secrets stay encrypted in the state."""
    host = placement.settings.host
    pulumi.export(
        "endpoints",
        {
            name: {"host": host, "port": ports[name], "inside_host": service, "inside_port": inside}
            for name, (service, inside, _) in endpoints_of(placement).items()
        },
    )
    pulumi.export("network", network.name)
    services: dict[str, Any] = {
        "timescaledb": timescaledb,
        "redis": redis,
        "weaviate": weaviate,
        "haproxy": weaviate.front,
        "embedder": embedder,
        **({"monitoring": monitoring} if monitoring else {}),
    }
    pulumi.export("containers", {name: service.container.name for name, service in services.items()})
    # No secret, but so long that nobody wants to see it at the end of each `up`.
    pulumi.export("declared", pulumi.Output.secret({name: service.declared for name, service in services.items()}))
    pulumi.export(
        "volumes",
        {
            "timescaledb": timescaledb.data.name,
            "pgbackrest": timescaledb.repository.name,
            "redis": redis.data.name,
            "weaviate": weaviate.data.name,
            "weaviate-backups": weaviate.backups.name,
        },
    )
    pulumi.export("images", {declared.name: placement.image(declared.name) for declared in placement.services})
    pulumi.export("client_networks", list(placement.settings.elsewhere))
    pulumi.export("foreign_images", [declared.name for declared in placement.services if placement.is_upstream(declared.name)])
    pulumi.export("users", {declared.name: placement.user(declared.name) for declared in placement.services})
    pulumi.export("ca_certificate", pki.ca_certificate)
    pulumi.export(
        "authority",
        {
            "generation": placement.settings.rotations.get(AUTHORITY, 0),
            "made": pki.turn.made,
            "former": pulumi.Output.all(pki.turn.first, pki.turn.twin).apply(all),
            "former_signs": pulumi.Output.all(pki.turn.signer, pki.turn.newest).apply(lambda places: places[0] != places[1]),
        },
    )
    settings = placement.settings.backup
    pulumi.export(
        "backup",
        pulumi.Output.secret(
            {
                "passphrase": timescaledb.repository_passphrase,
                "identities": [timescaledb.backup_identity.result],
                "recipients": [timescaledb.backup_identity.recipient, *settings.recipients],
                "place": settings.place.with_secrets() if settings.place else None,
                "copies": {name: copy.with_secrets() if copy.type == "s3" else copy.model_dump() for name, copy in settings.copies.items()},
            }
        ),
    )
    if credentials.monitoring is not None:
        pulumi.export("monitoring_password", pulumi.Output.secret(credentials.monitoring))
    pulumi.export(
        "page",
        pulumi.Output.secret(
            {"certificate": pki.page.certificate_pem, "private_key": pki.page.private_key_pem, "password": credentials.page}
        ),
    )
    pulumi.export("schedule", placement.settings.schedule)
    pulumi.export("start_at_boot", placement.settings.start_at_boot)
    pulumi.export("embedding_profile", placement.settings.embedding_profile)
    key = placement.settings.openai_api_key
    pulumi.export("embedding_key", pulumi.Output.secret(key.get_secret_value()) if key else pulumi.Output.secret(embedder.key))
    pulumi.export("field_keys", pulumi.Output.secret(timescaledb.field_keys))
    pulumi.export(
        "accounts",
        pulumi.Output.secret(
            {
                account.name: {
                    "postgres": timescaledb.logins.get(account.name, (None, None))[1],
                    "postgres_login": timescaledb.logins.get(account.name, (None, None))[0],
                    "redis": redis.logins.get(account.name),
                    "weaviate": weaviate.api_keys.get(account.name),
                }
                for account in ACCOUNTS
            }
        ),
    )
    pulumi.export(
        "rotations",
        {
            name: {
                "generation": placement.settings.rotations.get(name, 0),
                "made": turn.made,
                "former": pulumi.Output.all(turn.first, turn.twin).apply(all),
            }
            for name, turn in credentials.turns.items()
        },
    )
