"""`alerts`: what the stack's Prometheus says, and dashboards that show it."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(default=True, name="all")
def alerts_all(_context: Context, stack: str = "", *, json: bool = False) -> int:
    """Show the alerts of the stack's Prometheus (docs/monitoring.md); exit code 2 if a critical one fires, 1 for a warning.

    Example: invoke alerts --json
    """
    from console import alerts

    return alerts.show(stack, as_json=json)


@task(name="dashboards", help={"to": "The folder to write them into."})
def alerts_dashboards(_context: Context, to: str = "dashboards") -> int:
    """Write dashboards for Grafana, made for the stack's Prometheus: overview, stores, documents, backups, machine.

    Example: invoke alerts.dashboards --to grafana/dashboards
    """
    from console.dashboards import export

    return export.write(to)
