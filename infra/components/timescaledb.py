"""PostgreSQL with TimescaleDB: server, database, roles, grants and the repository of its physical backups."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pulumi
import pulumi_docker as docker

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.audited import AUDIT_RIGHTS, AUDIT_ROLE
from christmas.blueprint.postgres_bounds import CLOSED_STABLE_FUNCTIONS, OPEN_FUNCTIONS
from christmas.blueprint.relational import DATABASE, EXTENSIONS
from christmas.blueprint.services import TIMESCALEDB
from christmas.blueprint.twin_logins import twin_of
from infra.components.container import Deployed, Deployment, ServiceArgs, data_volume, image
from infra.components.credentials import newest
from infra.components.description import ServiceContainer
from infra.components.pgbackrest_config import CONFIG_PATH, STANZA, render
from infra.components.timescaledb_container import DATA, REPOSITORY, describe, pg_hba_conf
from infra.provider.backup_stanza import BackupStanza
from infra.provider.field_keys import FieldKeys
from infra.provider.kept_passwords import KeptIdentity, KeptPassword
from infra.provider.postgres_database import PostgresDatabase
from infra.provider.postgres_grants import PostgresGrants, declared_grants
from infra.provider.postgres_role import PostgresRole, declared_inputs, twin_inputs
from infra.provider.psql import named

SERVICE = TIMESCALEDB.name


class TimescaleDb(pulumi.ComponentResource):
    """`container` runs and is healthy; `database` and the roles exist in it.

    The keys of the backups outlive the stack like the backups, in a separate volume.
    """

    container: docker.Container
    declared: dict[str, Any]
    data: docker.Volume
    repository: docker.Volume
    repository_passphrase: pulumi.Output[str]
    backup_identity: KeptIdentity
    field_keys: pulumi.Output[str]
    logins: dict[str, tuple[pulumi.Output[str], pulumi.Output[str]]]
    """Each account's role to log in as and its password, known once the server takes them."""

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("christmas:infra:TimescaleDb", name, {}, opts)
        self._args = args
        placement = args.placement
        self.data = data_volume(placement, DATA, self)
        self.repository = data_volume(placement, REPOSITORY, self)
        service_image = image(placement, SERVICE, self)
        self._keep_keys(service_image)
        deployment = Deployment(
            placement=placement,
            network=args.network,
            pki=args.pki,
            volumes={DATA: self.data.name, REPOSITORY: self.repository.name},
            published=[(args.port, TIMESCALEDB.ports["postgres"])],
        )
        deployed = Deployed(self._described(), deployment, service_image, self)
        self.container, self.declared = deployed.container, deployed.declared
        deployed.reload({"signal": "SIGHUP"})
        database = self._contents()
        self.field_keys = self._field_keys(service_image, database)
        self.register_outputs({"container": self.container.name})

    def _described(self) -> ServiceContainer[pulumi.Input[str]]:
        args, placement = self._args, self._args.placement
        uid, gid = placement.owner(SERVICE)
        monitoring, place, elsewhere = placement.settings.monitoring, placement.settings.backup.place, placement.settings.elsewhere
        return describe(
            placement.limits(SERVICE),
            uid=uid,
            gid=gid,
            hba=pulumi.Output.all(args.network.subnet, args.network.gateway).apply(
                lambda at: pg_hba_conf(ACCOUNTS, at[0], at[1], monitoring=monitoring, elsewhere=elsewhere)
            ),
            pgbackrest=self.repository_passphrase.apply(lambda passphrase: render(passphrase, place=place)),
            superuser_password=args.credentials.superuser,
            place=place,
        )

    def _keep_keys(self, service_image: docker.RemoteImage) -> None:
        """The backup keys: a passphrase for pgBackRest's repository, and an age identity for everything else."""
        self._keys = keys = data_volume(self._args.placement, "keys", self)
        own_keys = self._args.placement.settings.backup.keys
        options = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        passphrase = KeptPassword(
            "backup-repository",
            volume=keys.name,
            image=service_image.image_id,
            file="pgbackrest.key",
            given=pulumi.Output.secret(own_keys.passphrase.get_secret_value()) if own_keys.passphrase else None,
            opts=options,
        )
        self.repository_passphrase = passphrase.result
        self.backup_identity = KeptIdentity(
            "backup-identity",
            volume=keys.name,
            image=service_image.image_id,
            file="age.key",
            given=pulumi.Output.secret(own_keys.identity.get_secret_value()) if own_keys.identity else None,
            # Not in parallel: they share a volume.
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[passphrase])),
        )

    def _field_keys(self, service_image: docker.RemoteImage, database: PostgresDatabase) -> pulumi.Output[str]:
        """The ring of field keys, beside the backup keys: it must outlive the stack like the rows."""
        settings = self._args.placement.settings.field_keys
        return FieldKeys(
            "field-keys",
            volume=self._keys.name,
            image=service_image.image_id,
            file="fields.json",
            newest=settings.newest,
            retired_below=settings.retired_below,
            given=pulumi.Output.secret(settings.imported.get_secret_value()) if settings.imported else None,
            container=self.container.name,
            database=DATABASE,
            # Retiring a key first asks the database who needs it; and resources that share a volume must not run in parallel.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[database, self.backup_identity], retain_on_delete=True),
        ).result

    def _contents(self) -> PostgresDatabase:
        """Everything inside the server that survives a restart and could be changed by hand."""
        server, container = self.container.id, self.container.name
        child = pulumi.ResourceOptions(parent=self)
        roles: dict[str, PostgresRole] = {}
        self.logins = {}
        for account in ACCOUNTS:
            if account.postgres:
                passwords = self._args.credentials.postgres[account.name]
                role = roles[account.name] = PostgresRole(
                    f"{account.name}-role",
                    container=container,
                    server=server,
                    name=account.name,
                    password=passwords.first,
                    **declared_inputs(account.postgres),
                    opts=child,
                )
                twin = PostgresRole(
                    f"{account.name}-twin-role",
                    container=container,
                    server=server,
                    name=twin_of(account.name),
                    password=passwords.twin,
                    **twin_inputs(account.name, account.postgres),
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
                )
                self.logins[account.name] = (
                    newest(passwords.turn, role.id, twin.id),
                    # Known once the server takes it.
                    pulumi.Output.all(passwords.newest, role.id, twin.id).apply(lambda known: str(known[0])),
                )
        owner = next(account.name for account in ACCOUNTS if account.postgres and account.postgres.owns_schema)
        database = PostgresDatabase(
            DATABASE,
            container=container,
            server=server,
            name=DATABASE,
            owner=owner,
            extensions=list(EXTENSIONS),
            open_functions=sorted(OPEN_FUNCTIONS),
            closed_functions=list(CLOSED_STABLE_FUNCTIONS),
            watch=sha256(named("watch_apply").encode()).hexdigest()[:16],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[roles[owner]]),
        )
        for account in ACCOUNTS:
            if account.postgres:
                PostgresGrants(
                    f"{account.name}-grants",
                    container=container,
                    server=server,
                    database=DATABASE,
                    role=account.name,
                    owner=owner,
                    **declared_grants(account.postgres),
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[database, roles[account.name]]),
                )
        # Nobody logs in as it: what it may read is what pgaudit logs reads of.
        audit = PostgresRole(
            "audit-role", container=container, server=server, name=AUDIT_ROLE, password="", **declared_inputs(AUDIT_RIGHTS), opts=child
        )
        PostgresGrants(
            "audit-grants",
            container=container,
            server=server,
            database=DATABASE,
            role=AUDIT_ROLE,
            owner=owner,
            **declared_grants(AUDIT_RIGHTS),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[database, audit]),
        )
        place = self._args.placement.settings.backup.place
        BackupStanza(
            STANZA,
            container=container,
            server=server,
            stanza=STANZA,
            config_path=CONFIG_PATH,
            repository=place.where if place else None,
            # The new server of a lost machine finds the old one's backups there: it starts, and reports what to do.
            recovering=True,
            opts=child,
        )
        return database
