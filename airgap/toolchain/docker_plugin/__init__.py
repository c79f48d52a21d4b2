"""A Pulumi resource provider named `docker`, on the Docker SDK, for machines that cannot download the official plugin.

It keeps the official plugin's types, ids, input names, outputs, defaults and update-or-replace decisions, so that a stack
can change from one to the other without replacements. Each property and its place in Docker's API is declared
once in `tables`; check, diff, create and read follow that declaration.
"""

from __future__ import annotations

NAME = "docker"
VERSION = "5.2.0"
"""The release of the official plugin with the same behaviour; `pulumi_docker` requires exactly this version."""
