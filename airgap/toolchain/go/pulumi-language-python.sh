#!/bin/sh
# Lies beside the Pulumi CLI, where it looks for its bundled language hosts, and starts the project's own.
# The CLI is shared by every clone on this machine, so the clone whose Python shall be used is named by its `pulumi` command.
exec "${CHRISTMAS_PYTHON:?this Pulumi CLI runs Python programs only for the project that built it; type .venv/bin/pulumi there, or install the official CLI}" \
    -P -m airgap.toolchain.language_host "$@"
