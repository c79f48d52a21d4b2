"""Images: local ones are used unchanged, others are pulled."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from airgap.toolchain.docker_plugin.context import Call
from airgap.toolchain.docker_plugin.engine import explanation, failing_as
from airgap.toolchain.docker_plugin.errors import DockerPluginError
from airgap.toolchain.docker_plugin.resources.base import Found, Resource
from airgap.toolchain.docker_plugin.tables.image import IMAGE
from core.docker_client import helpers_hint

OWN_IMAGES = "christmas/"
"""The prefix of this project's own images; no registry has them."""
HOW_TO_BUILD = "build it with: invoke images; invoke up builds what its stack asks for"
"""The next step for a missing image of this project."""
_ID = re.compile(r"sha256:[0-9a-f]{64}")


class RemoteImage(Resource):
    """`docker:index/remoteImage:RemoteImage`; its id is the image's id followed by its name."""

    type: ClassVar[str] = "docker:index/remoteImage:RemoteImage"
    properties = IMAGE
    outputs: ClassVar[tuple[str, ...]] = ("imageId", "repoDigest")
    autonamed: ClassVar[bool] = False

    def preview(self, call: Call, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the outputs; a local image is known, a missing one gives a warning."""
        outputs = super().preview(call, inputs)
        try:
            image = find_image(call, inputs["name"])
        except DockerPluginError:
            return outputs  # a preview needs no Docker
        if image is not None:
            return {**outputs, **self._outputs(image, inputs, refreshed=False)}
        if inputs["name"].startswith(OWN_IMAGES):
            call.warn(f"image `{inputs['name']}` is not here yet; {HOW_TO_BUILD}")
        return outputs

    def create(self, call: Call, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Find the image, or pull it."""
        image = ensure_image(call, inputs["name"], inputs.get("platform"))
        return image["Id"] + inputs["name"], self._outputs(image, inputs, refreshed=False)

    def read(self, call: Call, resource_id: str, inputs: dict[str, Any], state: dict[str, Any]) -> Found | None:
        """Return the image that has the name now."""
        name = inputs.get("name") or state.get("name") or _ID.sub("", resource_id, count=1)
        image = find_image(call, name)
        if image is None:
            return None
        outputs = self._outputs(image, inputs or {"name": name}, refreshed=True)
        return Found(image["Id"] + name, outputs, inputs or {"name": name, "keepLocally": True})

    def delete(self, call: Call, resource_id: str, state: dict[str, Any]) -> None:
        """Remove the image, unless it is to be kept."""
        from docker.errors import APIError, NotFound

        del resource_id
        if state.get("keepLocally"):
            return
        name = state["name"]
        with failing_as(f"image `{name}` could not be removed"):
            try:
                call.engine.client.remove_image(name, force=state.get("forceRemove") or False)
            except NotFound:
                return
            except APIError as error:
                if error.status_code != 409:
                    raise
                raise DockerPluginError(
                    f"image `{name}` is still in use, so it was not removed: {explanation(error)}",
                    next_step="remove the containers that use it, or set `keepLocally` on the resource",
                ) from None

    def _outputs(self, image: dict[str, Any], inputs: dict[str, Any], *, refreshed: bool) -> dict[str, Any]:
        name = inputs["name"]
        return {
            **self.shown({}, inputs, refreshed=refreshed),
            "imageId": image["Id"],
            "repoDigest": _digest(image, name),
            "id": image["Id"] + name,
        }


def find_image(call: Call, name: str) -> dict[str, Any] | None:
    """Return Docker's information about a local image, by name or id."""
    from docker.errors import NotFound

    with failing_as(f"image `{name}` could not be looked up"):
        try:
            client: Any = call.engine.client
            return dict(client.inspect_image(name))
        except NotFound:
            return None


def ensure_image(call: Call, name: str, platform: str | None) -> dict[str, Any]:
    """Return Docker's information about an image; pulls a missing one.

    Raises DockerPluginError if no registry has it.
    """
    return find_image(call, name) or _pull(call, name, platform)


def missing_image(name: str, why: str = "") -> DockerPluginError:
    """Return the error for a missing image that can't be fetched."""
    if _ID.fullmatch(name):
        return DockerPluginError(
            f"image {name[:19]} is no longer here: it was removed after this stack had found it",
            next_step="look for it again with: pulumi up --refresh",
        )
    if name.startswith(OWN_IMAGES):
        return DockerPluginError(f"image `{name}` is not here, and no registry has it", next_step=HOW_TO_BUILD)
    return DockerPluginError(
        f"image `{name}` is not here, and could not be pulled" + (f": {why}" if why else ""),
        next_step=helpers_hint() or f"check the name and the registry with: docker pull {name}",
    )


def _pull(call: Call, name: str, platform: str | None) -> dict[str, Any]:
    from docker.errors import APIError, DockerException
    from docker.utils import parse_repository_tag

    if name.startswith(OWN_IMAGES) or _ID.fullmatch(name):
        raise missing_image(name)
    repository, tag = parse_repository_tag(name)
    call.status(f"pulling {name}")
    try:
        for line in call.engine.client.pull(
            repository, tag=tag or "latest", stream=True, decode=True, platform=platform, auth_config=_login(call, repository)
        ):
            if line.get("error"):
                raise missing_image(name, str(line["error"]))
            call.sleep(0)
    except APIError as error:
        raise missing_image(name, explanation(error)) from None
    except DockerException as error:
        raise missing_image(name, str(error)) from None
    image = find_image(call, name)
    if image is None:
        raise missing_image(name, "the registry sent an image under another name")
    return image


def _login(call: Call, repository: str) -> dict[str, str] | None:
    from docker import auth

    registry, _ = auth.resolve_repository_name(repository)
    return call.engine.settings.login(registry)


def _digest(image: dict[str, Any], name: str) -> str:
    """Return the image's digest in its name's registry; empty for an image that was never there."""
    from docker.utils import parse_repository_tag

    repository, _ = parse_repository_tag(name)
    digests = [str(digest) for digest in image.get("RepoDigests") or []]
    return next((digest for digest in digests if digest.partition("@")[0] == repository), "")
