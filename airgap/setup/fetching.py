"""`python -m airgap.setup.fetching`: download everything that set-up needs from package registries, before there is a Docker engine.

Nothing is compiled, and only this user's cache is changed. `make up` later does the same, but finds
these files; so a machine can be prepared on a good network, or by a user who waits for an administrator.
"""

from __future__ import annotations

import sys

from core.progress import Progress, show_progress


def fetch_all(progress: Progress) -> list[str]:
    """Fetch Go, the modules of both builds, and the images' wheels and vocabulary; return the results in words.

    Also looks up the mirrors for the base image. Raises PlatformError if something can't be fetched.
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
    """Fetch everything and print the results; return the exit code."""
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
