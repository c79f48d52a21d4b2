"""The policy pack: rules on resources, checked by every `invoke preview` before anything is made."""

from __future__ import annotations

from pulumi_policy import EnforcementLevel, PolicyPack, ReportViolation, ResourceValidationArgs, ResourceValidationPolicy

from infra.policy.rules import CONTAINER_RULES, NETWORK_RULES, VOLUME_RULES, Rule

_TYPES = {
    "docker:index/container:Container": CONTAINER_RULES,
    "docker:index/network:Network": NETWORK_RULES,
    "docker:index/volume:Volume": VOLUME_RULES,
}


def _policy(resource_type: str, rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type == resource_type:
            for problem in rule.check(args.props):
                report(problem, None)

    return ResourceValidationPolicy(
        name=rule.name, description=rule.description, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


PolicyPack(
    name="christmas",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[_policy(resource_type, rule) for resource_type, rules in _TYPES.items() for rule in rules],
)
