"""Encryption of a kit: an age file, for recipients or for a passphrase. Plain text stays in memory."""

from __future__ import annotations

import base64
import binascii
import getpass
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import PlatformError

SHORTEST_PASSPHRASE = 12
_FIRST_LINE = b"age-encryption.org/v1\n"
_ARMOUR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_ASKED = 3


@dataclass(frozen=True, slots=True)
class Readers:
    """Who can open a kit: the holders of age identities (given by their recipients, age1…), or anyone with the passphrase."""

    recipients: tuple[str, ...] = ()
    passphrase: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"recipients {', '.join(f'{recipient[:12]}…' for recipient in self.recipients)}" if self.recipients else "a passphrase"


def seal(plain: bytes, readers: Readers) -> bytes:
    """Encrypt. Raises PlatformError for an invalid recipient."""
    import pyrage

    if not readers.recipients:
        return bytes(pyrage.passphrase.encrypt(plain, readers.passphrase))
    try:
        known = [pyrage.x25519.Recipient.from_str(recipient) for recipient in readers.recipients]
    except pyrage.RecipientError:
        raise PlatformError(
            what="a recipient is not an age recipient: those begin with age1",
            where="--recipient",
            next_step="age-keygen -y FILE prints an identity's recipient",
        ) from None
    return bytes(pyrage.encrypt(plain, known))


def unseal(content: bytes, where: str, *, identities: tuple[str, ...], passphrase: Callable[[], str]) -> bytes:
    """Decrypt. `passphrase` is called only if the file needs one.

    Raises PlatformError, with a wrong key told apart from a damaged file as far as the file allows.
    """
    import pyrage

    binary = _binary(content)
    if not binary.startswith(_FIRST_LINE):
        raise PlatformError(what="it is not a kit: not an age file", where=where, next_step="give a file that backup.kit wrote, unchanged")
    by_passphrase = binary[len(_FIRST_LINE) :].startswith(b"-> scrypt ")
    if not by_passphrase and not identities:
        raise PlatformError(
            what="it is encrypted to recipients, and no identity was given",
            where=where,
            next_step="--identity FILE names the file of the identity (AGE-SECRET-KEY-1…) of one of them",
        )
    try:
        if by_passphrase:
            return bytes(pyrage.passphrase.decrypt(binary, passphrase()))
        return bytes(pyrage.decrypt(binary, [pyrage.x25519.Identity.from_str(identity) for identity in identities]))
    except pyrage.IdentityError:
        raise PlatformError(what="it is not an age identity", where="--identity", next_step="those begin with AGE-SECRET-KEY-1") from None
    except (pyrage.DecryptError, ValueError) as error:
        raise _failure(str(error), where, by_passphrase=by_passphrase) from None


def _failure(said: str, where: str, *, by_passphrase: bool) -> PlatformError:
    if "No matching keys" in said:
        return PlatformError(
            what="it was not encrypted for this identity",
            where=where,
            next_step="give an identity that it was encrypted for: --identity FILE",
        )
    if by_passphrase and "Decryption failed" in said:
        return PlatformError(
            what="the passphrase is wrong, or the file was changed", where=where, next_step="give the kit's own passphrase"
        )
    return PlatformError(
        what=f"it can't be decrypted: it is damaged or cut off ({said})", where=where, next_step="use another copy of the kit"
    )


def _binary(content: bytes) -> bytes:
    """The binary age file, also from age's text form."""
    text = content.strip()
    if not text.startswith(_ARMOUR):
        return content
    try:
        return base64.b64decode(b"".join(text.splitlines()[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        return b""


def identities_of(path: str) -> tuple[str, ...]:
    """The age identities in a file written by `age-keygen`; none if no file is given.

    Raises PlatformError if the file can't be read or holds no identity.
    """
    if not path:
        return ()
    identities = tuple(line.strip() for line in _lines(path, "--identity") if line.strip().startswith("AGE-SECRET-KEY-"))
    if not identities:
        raise PlatformError(
            what="it holds no age identity", where=f"--identity {path}", next_step="an identity is a line that begins with AGE-SECRET-KEY-1"
        )
    return identities


def known_passphrase(path: str) -> str:
    """The passphrase from a file (its first line; `-` is standard input), else from the terminal.

    Raises PlatformError if there is neither.
    """
    if path:
        return _from_file(path)
    if not sys.stdin.isatty():
        raise _nobody("the kit is encrypted with a passphrase")
    return getpass.getpass("Passphrase of the kit: ")


def new_passphrase(path: str) -> str:
    """A passphrase for a new kit: from a file, else typed twice at the terminal; an empty answer makes a random one.

    Raises PlatformError if there is no passphrase, or it is too short.
    """
    if path:
        return _long_enough(_from_file(path))
    if not sys.stdin.isatty():
        raise _nobody("a kit needs somebody who can open it")
    for _ in range(_ASKED):
        first = getpass.getpass("Passphrase for the kit (empty: make one and show it once): ")
        if not first:
            generated = "-".join(secrets.token_hex(3) for _ in range(6))
            print(f"the kit's passphrase, shown only this once: {generated}")
            return generated
        if len(first) >= SHORTEST_PASSPHRASE and getpass.getpass("The same again: ") == first:
            return first
        print(f"the two differ, or are shorter than {SHORTEST_PASSPHRASE} characters", file=sys.stderr)
    raise PlatformError(what="no passphrase was chosen; nothing was written", where="backup.kit", next_step="run it again")


def _nobody(what: str) -> PlatformError:
    return PlatformError(
        what=f"{what}, and there is no terminal to ask at",
        where="standard input",
        next_step="--passphrase-file FILE reads it from a file (- is standard input); or use recipients and an identity",
    )


def _from_file(path: str) -> str:
    first_line = sys.stdin.readline() if path == "-" else next(iter(_lines(path, "--passphrase-file")), "")
    if not first_line.strip():
        raise PlatformError(what="its first line is empty", where=f"--passphrase-file {path}", next_step="write the passphrase there")
    return first_line.rstrip("\r\n")


def _long_enough(passphrase: str) -> str:
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise PlatformError(
            what=f"the passphrase has fewer than {SHORTEST_PASSPHRASE} characters",
            where="--passphrase-file",
            next_step="a kit opens everything: take a long one",
        )
    return passphrase


def _lines(path: str, option: str) -> list[str]:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformError(
            what=f"it can't be read: {getattr(error, 'strerror', None) or 'it is not text'}", where=f"{option} {path}"
        ) from None
