#!/usr/bin/env bash
# Rewrites the two lock files from pyproject.toml. Run it after changing a dependency, and commit what it writes.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --quiet --custom-compile-command requirements/lock.sh)
.venv/bin/uv pip compile "${options[@]}" "$@" pyproject.toml -o requirements/runtime.txt
.venv/bin/uv pip compile "${options[@]}" "$@" --group dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
