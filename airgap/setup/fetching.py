"""`python -m airgap.setup.fetching`: download whatever set-up needs of package registries, before there is a Docker engine.

Nothing is compiled and nothing of the machine is changed but this user's cache. What `make up` does afterwards is the same, only that
it finds these files; so a machine can be prepared where the network is good, or by a user who has to wait for an administrator.
"""

from __future__ import annotations

import sys

from core.progress import Progress, show_progress


def fetch_all(progress: Progress) -> list[str]:
    """Fetch Go and the modules of both builds, the wheels and the vocabulary of the images, and return what was found, in words.

    The mirrors for the base image are looked up as well. Raises PlatformError where something can't be had.
    """
    from airgap.images import artifacts
    from airgap.images.apt_sources import mirror_lines
    from airgap.images.versions import DEBIAN_SUITE
    from airgap.toolchain import cli

    results = [f"apt: {line}" for line in mirror_lines(DEBIAN_SUITE)]
    results += [f"images: {path}" for path in artifacts.fetch(progress)]
    cli.fetch_pulumi_modules(progress)
    return results


def main() -> int:
    """Fetch everything and print what was found; return the exit code."""
    from core.runner import INTERRUPTED, report_failure

    try:
        with show_progress("downloads") as progress:
            print("\n".join(fetch_all(progress)))
    except KeyboardInterrupt:
        print("Interrupted. What is downloaded is kept.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return report_failure(error, doing="downloads", debug="--debug" in sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
