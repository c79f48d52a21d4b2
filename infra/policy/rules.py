"""The rules for each kind of resource: pure functions from its inputs to problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from infra.policy import containers, others
from infra.policy.deviations import is_allowed
from infra.policy.inputs import Properties, opened
from infra.policy.secrets import nothing_secret


@dataclass(frozen=True, slots=True)
class Rule:
    """`check` yields a sentence per problem. With `sees_marks` it gets the inputs with secrets marked."""

    name: str
    description: str
    check: Callable[[Properties], Iterable[str]]
    sees_marks: bool = False

    def problems(self, resource: str, marked: Properties) -> list[str]:
        """The problems of a resource, without those allowed by `deviations`. The inputs are from `inputs.read`."""
        seen = marked if self.sees_marks else opened(marked)
        return [problem for problem in self.check(seen) if not is_allowed(resource, self.name, problem)]


def _labels(kind: str) -> Rule:
    return Rule(f"{kind}-labels", "Everything is found again by its labels.", others.labels)


def _secrets(kind: str) -> Rule:
    return Rule(f"{kind}-secrets", "No secret in what Docker keeps and shows.", nothing_secret, sees_marks=True)


CONTAINER_RULES: tuple[Rule, ...] = (
    Rule("container-allowed", "A container says only what the platform's own do.", containers.only_what_is_allowed),
    Rule("container-limits", "Memory, processors and processes are limited, and nothing swaps.", containers.limits),
    Rule("container-healthcheck", "A health check that can fail says when the service is up.", containers.healthcheck),
    Rule("container-privileges", "No privilege, capability or profile beyond the engine's own.", containers.privileges),
    Rule("container-namespaces", "No namespace of the host or of another container.", containers.namespaces),
    Rule("container-user", "No service runs as root.", containers.user),
    Rule("container-image", "An image that stays the same.", containers.image),
    Rule(
        "container-file-systems",
        "The root is read-only, memory isn't executable, nothing is the host's.",
        containers.file_systems,
    ),
    Rule("container-uploads", "Nothing of the host is copied in.", containers.uploads),
    Rule("container-logs", "Logs are bounded.", containers.logs),
    Rule("container-lifecycle", "Services come back by themselves and stop cleanly.", containers.lifecycle),
    Rule("container-ports", "Ports are published on loopback only.", containers.ports),
    Rule("container-listeners", "Nothing listens without TLS or lets everybody in.", containers.listeners),
    _secrets("container"),
    _labels("container"),
)
NETWORK_RULES = (Rule("network-allowed", "A bridge of this host.", others.network), _secrets("network"), _labels("network"))
VOLUME_RULES = (Rule("volume-allowed", "A volume that is no path of the host.", others.volume), _secrets("volume"), _labels("volume"))
IMAGE_RULES = (Rule("image-allowed", "An image that stays the same.", others.remote_image), _secrets("image"))

RULES: Mapping[str, tuple[Rule, ...]] = {
    "docker:index/container:Container": CONTAINER_RULES,
    "docker:index/network:Network": NETWORK_RULES,
    "docker:index/volume:Volume": VOLUME_RULES,
    "docker:index/remoteImage:RemoteImage": IMAGE_RULES,
}
