"""Which TCP ports of a container others in its network can connect to: by what listens there, or by trying all of them from beside it."""

from __future__ import annotations

import json

from docker.models.containers import Container

from christmas.blueprint.model import Service
from tests.support.inside import inside, printed_alone

_SCAN = """
import errno, json, select, socket, sys
host, open_ports, pending = socket.gethostbyname(sys.argv[1]), [], {}
ports = iter(range(1, 65536))
poll = select.epoll()
def begin():
    for port in ports:
        made = socket.socket(); made.setblocking(False)
        told = made.connect_ex((host, port))
        if told == errno.EINPROGRESS:
            pending[made.fileno()] = (made, port); poll.register(made, select.EPOLLOUT); return True
        if told == 0: open_ports.append(port)
        made.close()
    return False
going = True
while going or pending:
    while going and len(pending) < 200: going = begin()
    for number, told in poll.poll(10) or [(each, 0) for each in pending]:
        made, port = pending.pop(number)
        if told and made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0: open_ports.append(port)
        poll.unregister(number); made.close()
print(json.dumps(sorted(open_ports)))
"""


def open_ports(image: str, network: str, host: str, labels: dict[str, str]) -> list[int]:
    """The ports at which `host` answers a container of `image`, which needs Python, in that network."""
    return list(json.loads(printed_alone(image, "python3", "-c", _SCAN, host, network=network, labels=labels, cap_drop=["ALL"])))


def listening(container: Container) -> list[int]:
    """The ports at which something in the container listens for others than the container itself."""
    told = inside(container, "cat", "/proc/net/tcp", "/proc/net/tcp6")
    found = set()
    for line in told.decode().splitlines():
        words = line.split()
        # Number, local address, remote address, state; addresses are hexadecimal words of four bytes, the lowest first.
        if len(words) > 3 and words[3] == "0A":
            address, _, port = words[1].partition(":")
            if not address.endswith("7F") and address != "0" * 24 + "01000000":
                found.add(int(port, 16))
    return sorted(found)


def declared(service: Service) -> list[int]:
    """What a service of the blueprint may be reached at, by those in its networks."""
    return sorted({*service.ports.values(), *service.neighbours.values(), *service.inner_ports.values()})


def of_applications(service: Service) -> list[int]:
    """What is to be reached under a service's name in the network of applications."""
    return sorted({*service.ports.values(), *(() if service.inner else service.neighbours.values())})
