"""The provider's resources for Pulumi programs.

Names and types are those of the wire: Python's spelling everywhere. The provider fills in properties that the program leaves out.
Resources inside a server take `server` (its container's id), most of them `container` too (its name): if the container
was replaced, `server` differs, and `up` sets the resource again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from infra.provider.registry import kind_named


class Resource(pulumi.CustomResource):
    """A resource of this provider. Its kind, of the same name, says which properties are inputs, outputs and secrets."""

    def __init__(self, name: str, given: Mapping[str, Any], opts: ResourceOptions | None) -> None:
        kind = kind_named(type(self).__name__)
        inputs = {name: _marked(given[name]) if declared.secret else given[name] for name, declared in kind.inputs.items()}
        if kind.secret_outputs:
            opts = ResourceOptions.merge(opts, ResourceOptions(additional_secret_outputs=sorted(kind.secret_outputs)))
        super().__init__(f"christmas:index:{kind.name}", name, {**inputs, **dict.fromkeys(kind.outputs)}, opts)


def _marked(value: Input[Any] | None) -> Input[Any] | None:
    return None if value is None else Output.secret(value)


class Password(Resource):
    """`length` random letters and digits. A changed keeper makes a new one, in place."""

    result: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        length: Input[int] = 32,
        keepers: Input[Mapping[str, Input[str]]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class Rotation(Resource):
    """The generation of an account's secret in each of its two places, "" in an empty one; `newest` is `first` or `twin`, `made` its time.

    A changed `generation` fills the place that is not in use; `over` ends the former secret.
    """

    first: Output[str]
    twin: Output[str]
    newest: Output[str]
    made: Output[str]

    def __init__(
        self, resource_name: str, *, generation: Input[int], over: Input[bool] = False, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class AuthorityRotation(Resource):
    """A Rotation of the CA: `signer` is the place whose CA signs, the former's until `hand_over`."""

    first: Output[str]
    twin: Output[str]
    newest: Output[str]
    made: Output[str]
    signer: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        generation: Input[int],
        hand_over: Input[bool] = False,
        over: Input[bool] = False,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class KeptPassword(Resource):
    """A password in `file` of a retained volume, where a new stack finds it. Made once and never changed."""

    result: Output[str]
    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        volume: Input[str],
        image: Input[str],
        file: Input[str],
        length: Input[int] | None = None,
        given: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class KeptIdentity(Resource):
    """An age identity in `file` of a retained volume, kept like a KeptPassword. `recipient` is its public key."""

    result: Output[str]
    recipient: Output[str]
    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        volume: Input[str],
        image: Input[str],
        file: Input[str],
        given: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class FieldKeys(Resource):
    """The ring of keys for encrypted fields, in `file` of a retained volume: `newest` makes keys, `retired_below` retires older ones."""

    result: Output[str]
    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        volume: Input[str],
        image: Input[str],
        file: Input[str],
        newest: Input[int],
        retired_below: Input[int],
        container: Input[str],
        database: Input[str],
        given: Input[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class CertificateAuthority(Resource):
    """A private CA (ECDSA P-256). Renewed, with all its certificates, when less than `renew_below` of its life is left.

    A changed `generation` makes another one, an empty one none: its outputs are empty.
    """

    private_key_pem: Output[str]
    certificate_pem: Output[str]
    not_after: Output[str]
    fingerprint: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        common_name: Input[str],
        lifetime_days: Input[float],
        generation: Output[Any] | None = None,
        renew_below: Input[float] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class Certificate(Resource):
    """A server's certificate. A plain `up` renews it when less than `renew_below` (a third) of its life is left, or it doesn't match."""

    private_key_pem: Output[str]
    certificate_pem: Output[str]
    not_after: Output[str]
    fingerprint: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        ca_private_key_pem: Input[str],
        ca_certificate_pem: Input[str],
        common_name: Input[str],
        dns_names: Input[Sequence[Input[str]]] | None = None,
        ip_addresses: Input[Sequence[Input[str]]] | None = None,
        lifetime_days: Input[float],
        renew_below: Input[float] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class PortBlock(Resource):
    """Host ports by name: each the preferred one or the next free one, chosen once and kept."""

    ports: Output[dict[str, int]]

    def __init__(
        self,
        resource_name: str,
        *,
        preferred: Input[Mapping[str, Input[int]]],
        address: Input[str] = "127.0.0.1",
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class SubnetBlock(Resource):
    """A subnet and gateway for the stack's network: `preferred`, or a free one, chosen once and kept."""

    subnet: Output[str]
    gateway: Output[str]

    def __init__(self, resource_name: str, *, preferred: Input[str] | None = None, opts: ResourceOptions | None = None) -> None:
        super().__init__(resource_name, locals(), opts)


class ConfigFiles(Resource):
    """Exactly these files in a volume, 0400 and owned by the service; the volume's root becomes 0700.

    `image` is any local image: a container of it is created, never started, to reach the volume. `fingerprint` changes
    with the declared files and reveals nothing of them; `written_at` changes whenever something was written, also by a repair.
    A running service loads changes through a Reload that follows its container in the program.
    """

    fingerprint: Output[str]
    written_at: Output[str]
    drift: Output[list[str]]

    def __init__(
        self,
        resource_name: str,
        *,
        volume: Input[str],
        image: Input[str],
        uid: Input[int],
        gid: Input[int],
        files: Input[Mapping[str, Input[str]]],
        mode: Input[int] | None = None,
        read_anew: Input[Sequence[Input[str]]] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class VolumeOwner(Resource):
    """The owner of a data volume's root directory; nothing else in the volume is touched."""

    def __init__(
        self,
        resource_name: str,
        *,
        volume: Input[str],
        image: Input[str],
        uid: Input[int],
        gid: Input[int],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)


class Reload(Resource):
    """Makes a running service load files written at `written_at` (an output of ConfigFiles), unless it was started since.

    `action` is `{"signal": "SIGHUP"}`, `{"exec": [argv], "user": …}` or `{"restart": True}`. Declare it after the container (through
    `server`), so that a container replaced in the same run is left alone; a failed action is repeated by the next `up`.
    """

    taken_up: Output[str]

    def __init__(
        self,
        resource_name: str,
        *,
        container: Input[str],
        server: Input[str],
        written_at: Input[str],
        action: Input[Mapping[str, Any]],
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, locals(), opts)
