"""Grafana dashboards of the stack's Prometheus, as files that any Grafana imports."""
