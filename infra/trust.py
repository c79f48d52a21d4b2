"""The trusted certificates of an application: the stack's CA and all authorities that this machine trusts.

Variables such as SSL_CERT_FILE replace a library's own authorities for every connection of the process. With only the stack's
CA there, every call to another host would fail; so they name a bundle of both.
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

from core.disk import write_whole

_MARK = "# Written by `invoke env`: the CA of a Christmas stack, and the authorities that this machine trusts."
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
# If Python's OpenSSL names no file: the paths of Debian and Red Hat.
_USUAL = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))


def bundle_of(ca_file: str) -> str:
    """The path of the bundle that belongs to a CA's certificate: beside it, `ca-bundle.crt` for `ca.crt`."""
    path = Path(ca_file)
    return str(path.with_name(f"{path.stem}-bundle{path.suffix}"))


def write_bundle(ca_file: Path) -> Path:
    """Write the bundle of a CA's certificate, replacing an older one atomically; return its path."""
    path = Path(bundle_of(str(ca_file)))
    certificates = dict.fromkeys([*_certificates(ca_file), *_certificates(system_authorities(ca_file.parent))])
    write_whole(path, "\n".join([_MARK, *certificates, ""]), mode=0o644)
    return path


def renew_bundle(ca_file: Path) -> None:
    """Write an existing bundle again: its CA has changed."""
    if Path(bundle_of(str(ca_file))).exists():
        write_bundle(ca_file)


def system_authorities(ours: Path) -> Path:
    """The file of this machine's authorities: SSL_CERT_FILE, else OpenSSL's, else the one of Python's libraries.

    A shell with a sourced environment file names one of our own files, in the folder `ours` or written as a bundle: skip those.
    """
    named = os.environ.get("SSL_CERT_FILE")
    for path in (*([Path(named)] if named else []), Path(ssl.get_default_verify_paths().openssl_cafile), *_USUAL):
        if path.is_file() and path.parent != ours and _MARK not in path.read_text(encoding="utf-8", errors="replace"):
            return path
    import certifi

    return Path(certifi.where())


def _certificates(path: Path) -> list[str]:
    return _CERTIFICATE.findall(path.read_text(encoding="utf-8", errors="replace"))
