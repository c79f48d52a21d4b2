#!/usr/bin/env bash
# Rewrites the lock files from pyproject.toml. Run it after changing a dependency, and commit what it writes.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --custom-compile-command requirements/lock.sh)
.venv/bin/uv pip compile "${options[@]}" "$@" --extra all --group operations pyproject.toml -o requirements/runtime.txt
.venv/bin/uv pip compile "${options[@]}" "$@" --extra all --group operations --group dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
# In an environment of its own: commands/site/build.py.
.venv/bin/uv pip compile "${options[@]}" "$@" --group site pyproject.toml -o requirements/site.txt
# For Debian's Python in the container of the example application: airgap/images/artifacts.py.
.venv/bin/uv pip compile "${options[@]/3.11/3.13}" "$@" --extra all --group trading-desk -c requirements/dev.txt pyproject.toml -o requirements/trading-desk.txt
{
    echo "# The installer of everything else: airgap/setup/installer.py. Written by requirements/lock.sh from dev.txt."
    sed -n '/^uv==/,/[^\\]$/p' requirements/dev.txt
} > requirements/uv.txt
