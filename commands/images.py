"""`images`: the services' images, and what they consist of."""

from __future__ import annotations

from invoke.context import Context

from commands.task import task


@task(default=True, name="build", help={"service": "Only this one's."})
def images_build(_context: Context, service: str = "") -> None:
    """Build the images that are missing.

    Examples: invoke images --service redis
              invoke images --service trading_desk
    """
    from airgap.images.build import ensure_images
    from core.runner import show_progress

    with show_progress("images") as progress:
        built = ensure_images([service] if service else None, progress)
    for reference in built.values():
        print(reference)


@task(
    name="sbom",
    words="image",
    help={"image": "A service (redis) or an image's name; all services where none is given.", "out": "The folder to write into."},
)
def images_sbom(_context: Context, image: list[str], out: str = "sbom") -> None:
    """Write what images consist of, with versions and licences: a document in CycloneDX's JSON for each.

    Example: invoke images.sbom redis
    """
    from security.sbom.write import write

    for line in write(image, out):
        print(line)


@task(
    name="release",
    iterable=["service"],
    help={
        "version": "The version of the sources, as the tag has it, with or without a v; a rehearsal without one.",
        "out": "The folder to write into; it must be empty.",
        "push": "A registry and a name in it, such as registry.example.com/christmas: push the images there.",
        "service": "Only this one's image; may be repeated.",
    },
)
def images_release(_context: Context, service: list[str], version: str = "", out: str = "release", push: str = "") -> None:
    """Make what a release consists of: images, their SBOMs, the library's wheel, notes, sums; push the images where --push says.

    Example: invoke images.release --out /tmp/rehearsal
    """
    from core.runner import show_progress
    from security.release import release

    with show_progress("release") as progress:
        files = release(version.removeprefix("v"), out, push.rstrip("/"), service, progress)
    for file in files:
        print(file)
