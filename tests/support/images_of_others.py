"""Images that differ from this project's own as those of others do: another user, other paths, another entrypoint, nothing prepared."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import docker

from airgap.images.catalog import image_reference

# By service: who runs it there, and how the image is changed. Redis' is laid out as the official one (programs in /usr/local/bin, an
# entrypoint of its own that changes the user where it is root) and has no module for addresses; Weaviate's has root as its user and no
# folder for data, PostgreSQL's has the user number and the data folder of the official postgres image.
_CHANGES = {
    "timescaledb": (
        "70:70",
        """
USER 0:0
RUN sed -i 's/^postgres:x:1000:1000:/postgres:x:70:70:/' /etc/passwd && sed -i 's/^postgres:x:1000:/postgres:x:70:/' /etc/group \\
 && rm -rf /home/postgres/pgdata /var/lib/pgbackrest /run/christmas && chown -R 70:70 /home/postgres /var/spool/pgbackrest \\
 && install -d -o 70 -g 70 -m 0700 /var/lib/postgresql/data && mv /usr/local/bin/docker-entrypoint.sh /usr/local/bin/start.sh
ENV PGDATA=/var/lib/postgresql/data
WORKDIR /
USER 70:70
ENTRYPOINT ["start.sh"]
""",
    ),
    "redis": (
        "4001:4002",
        """
USER 0:0
RUN sed -i 's/^redis:x:999:999:/redis:x:4001:4002:/' /etc/passwd && sed -i 's/^redis:x:999:/redis:x:4002:/' /etc/group \\
 && mv /usr/bin/redis-* /usr/local/bin/ && chown 0:0 /data && chmod 0755 /data && rm -rf /run/christmas /usr/local/lib/christmas \\
 && printf '#!/bin/sh\\n[ "${1#-}" = "$1" ] || set -- redis-server "$@"\\numask 0077\\nexec "$@"\\n' \\
    > /usr/local/bin/docker-entrypoint.sh
""",
    ),
    "weaviate": (
        "2000:2001",
        """
USER 0:0
RUN rm -rf /var/lib/weaviate /var/lib/weaviate-backups /run/christmas && sed -i '/^weaviate:/d' /etc/passwd /etc/group
WORKDIR /
""",
    ),
}


@contextlib.contextmanager
def images_of_others(stack: str) -> Iterator[str]:
    """Build them; yield the setting `christmas:upstream` that names them. They go on leaving, and so do those of killed test runs.

    The stack's name ends with the number of this process.
    """
    engine, setting, made = docker.from_env(), {}, []
    for left in engine.api.images(filters={"reference": f"christmas-{stack.rpartition('-')[0]}-*/*"}):
        for tag in left["RepoTags"] or ():
            if not Path(f"/proc/{tag.partition('/')[0].rpartition('-')[2]}").exists():
                with contextlib.suppress(docker.errors.ImageNotFound):
                    engine.images.remove(tag, force=True)
    try:
        for service, (user, changes) in _CHANGES.items():
            name = f"christmas-{stack}/of-others-{service}:1"
            text = f"FROM {image_reference(service)}\n{changes}"
            engine.images.build(fileobj=io.BytesIO(text.encode()), tag=name, rm=True, network_mode="none")
            made.append(name)
            setting[service] = {"reference": name, "user": user}
        yield json.dumps(setting)
    finally:
        for name in made:
            engine.images.remove(name, force=True)
