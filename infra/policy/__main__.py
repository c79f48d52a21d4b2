"""The policy pack: rules on resources, checked by every `invoke preview` before anything is created."""

from __future__ import annotations

from pulumi_policy import EnforcementLevel, PolicyPack, ReportViolation, ResourceValidationArgs, ResourceValidationPolicy

from infra.policy import others
from infra.policy.inputs import keep_marks
from infra.policy.rules import RULES, Rule


def _policy(resource_type: str, rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type == resource_type:
            for problem in rule.problems(args.name, args.props):
                report(problem, None)

    return ResourceValidationPolicy(
        name=rule.name, description=rule.description, validate=validate, enforcement_level=EnforcementLevel.MANDATORY
    )


def _kinds(args: ResourceValidationArgs, report: ReportViolation) -> None:
    for problem in others.kinds(args.resource_type):
        report(problem, None)


keep_marks()
PolicyPack(
    name="christmas",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy(name="known-kinds", description="Only kinds of resources that a rule knows.", validate=_kinds),
        *(_policy(resource_type, rule) for resource_type, rules in RULES.items() for rule in rules),
    ],
)
