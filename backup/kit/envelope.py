"""A kit's encryption: an age file, for recipients or for a passphrase. What is in the open, is in memory alone."""

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
    """Who can open a kit: holders of age identities (their recipients, age1…), or whoever knows a passphrase."""

    recipients: tuple[str, ...] = ()
    passphrase: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"recipients {', '.join(f'{each[:12]}…' for each in self.recipients)}" if self.recipients else "a passphrase"


def seal(plain: bytes, readers: Readers) -> bytes:
    """Encrypt. Raises PlatformError for a recipient that is none."""
    import pyrage

    if not readers.recipients:
        return bytes(pyrage.passphrase.encrypt(plain, readers.passphrase))
    try:
        known = [pyrage.x25519.Recipient.from_str(each) for each in readers.recipients]
    except pyrage.RecipientError:
        raise PlatformError(
            what="a recipient is none of age's: one begins age1",
            where="--recipient",
            next_step="age-keygen -y FILE tells an identity's recipient",
        ) from None
    return bytes(pyrage.encrypt(plain, known))


def unseal(content: bytes, where: str, *, identities: tuple[str, ...], passphrase: Callable[[], str]) -> bytes:
    """Decrypt. `passphrase` is only asked for where the file needs one.

    Raises PlatformError that tells a wrong key from a damaged file, as far as the file itself lets one know.
    """
    import pyrage

    binary = _binary(content)
    if not binary.startswith(_FIRST_LINE):
        raise PlatformError(what="it is no kit: no file of age", where=where, next_step="give a file that backup.kit wrote, unchanged")
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
        return bytes(pyrage.decrypt(binary, [pyrage.x25519.Identity.from_str(each) for each in identities]))
    except pyrage.IdentityError:
        raise PlatformError(what="the identity is none of age's", where="--identity", next_step="one begins AGE-SECRET-KEY-1") from None
    except (pyrage.DecryptError, ValueError) as error:
        raise _told(str(error), where, by_passphrase=by_passphrase) from None


def _told(said: str, where: str, *, by_passphrase: bool) -> PlatformError:
    if "No matching keys" in said:
        return PlatformError(
            what="it was made for other recipients than this identity's",
            where=where,
            next_step="give the identity of one of those that it was made for: --identity FILE",
        )
    if by_passphrase and "Decryption failed" in said:
        return PlatformError(
            what="the passphrase is another one, or the file was changed", where=where, next_step="give the one that it was made with"
        )
    return PlatformError(
        what=f"it can't be decrypted, because it is damaged or cut off ({said})", where=where, next_step="use another copy of the kit"
    )


def _binary(content: bytes) -> bytes:
    """The file itself, where somebody has it in age's text form."""
    text = content.strip()
    if not text.startswith(_ARMOUR):
        return content
    try:
        return base64.b64decode(b"".join(text.splitlines()[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        return b""


def identities_of(path: str) -> tuple[str, ...]:
    """The age identities in a file, as `age-keygen` writes one; none where no file is named.

    Raises PlatformError where the file can't be read or holds none.
    """
    if not path:
        return ()
    found = tuple(line.strip() for line in _lines(path, "--identity") if line.strip().startswith("AGE-SECRET-KEY-"))
    if not found:
        raise PlatformError(
            what="it holds no age identity", where=f"--identity {path}", next_step="one is a line that begins AGE-SECRET-KEY-1"
        )
    return found


def known_passphrase(path: str) -> str:
    """The passphrase in a file (its first line; `-` is standard input), else from the terminal.

    Raises PlatformError where there is none.
    """
    if path:
        return _from_file(path)
    if not sys.stdin.isatty():
        raise _nobody("the kit is encrypted with a passphrase")
    return getpass.getpass("Passphrase of the kit: ")


def new_passphrase(path: str) -> str:
    """A passphrase for a new kit: from a file, else asked for twice at the terminal, which may leave making one to this.

    Raises PlatformError where there is none, or it is short.
    """
    if path:
        return _long_enough(_from_file(path))
    if not sys.stdin.isatty():
        raise _nobody("a kit needs somebody who can open it")
    for _ in range(_ASKED):
        first = getpass.getpass("Passphrase for the kit (nothing: one is made and shown once): ")
        if not first:
            made = "-".join(secrets.token_hex(3) for _ in range(6))
            print(f"the kit's passphrase, shown only this once: {made}")
            return made
        if len(first) >= SHORTEST_PASSPHRASE and getpass.getpass("The same again: ") == first:
            return first
        print(f"the two differ, or it has less than {SHORTEST_PASSPHRASE} characters", file=sys.stderr)
    raise PlatformError(what="no passphrase was chosen; nothing was written", where="backup.kit", next_step="run it again")


def _nobody(what: str) -> PlatformError:
    return PlatformError(
        what=f"{what}, and nobody is at a terminal to give one",
        where="standard input",
        next_step="--passphrase-file FILE names a file that holds it (- is standard input); or use recipients and an identity",
    )


def _from_file(path: str) -> str:
    found = sys.stdin.readline() if path == "-" else next(iter(_lines(path, "--passphrase-file")), "")
    if not found.strip():
        raise PlatformError(what="its first line is empty", where=f"--passphrase-file {path}", next_step="write the passphrase there")
    return found.rstrip("\r\n")


def _long_enough(passphrase: str) -> str:
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise PlatformError(
            what=f"the passphrase has less than {SHORTEST_PASSPHRASE} characters",
            where="--passphrase-file",
            next_step="a kit opens everything: take a long one",
        )
    return passphrase


def _lines(path: str, option: str) -> list[str]:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformError(
            what=f"it can't be read: {getattr(error, 'strerror', None) or 'it is no text'}", where=f"{option} {path}"
        ) from None
