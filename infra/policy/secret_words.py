"""Finds secrets in a text: by the name beside them, by the form of well-known keys, and by their randomness."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

_NAMES = r"(?i:pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|private|credential|cipher|auth|salt)"
_BETWEEN = r"[_.-]|\d|(?<=[a-z])(?=[A-Z])"  # the parts of a name: API_TOKEN, api-token, apiToken
_SECRET_NAME = re.compile(rf"(?:^|{_BETWEEN}){_NAMES}s?(?:$|{_BETWEEN})")
_NAME_ENDS_SECRET = re.compile(r"(?:(?<!com)(?<!by)pass|password|passwd|passphrase|secret|token|apikey|credentials?|pwd)$", re.IGNORECASE)
_KEY = re.compile(r"(?:^|[_-])keys?(?:$|[_-])", re.IGNORECASE)
_FILE_NAME = re.compile(r"[_-](?:file|path|dir|folder)$", re.IGNORECASE)
# Names that say how keys are used, or whose they are, without containing one.
_NAME_OF_A_SETTING = re.compile(
    r"[_-](?:enabled|disabled|required|method|mode|type|scheme|plugin|users?|usernames?|userlist|url|host|port|ttl|timeout|length|min|max|count"
    r"|warning|algorithm|encryption|roles?|bits|rounds)$",
    re.IGNORECASE,
)
_SWITCH = re.compile(r"(?:true|false|on|off|yes|no|none|null|\d{1,3})", re.IGNORECASE)
_PATH = re.compile(r"(?:/[\w@.+-]+)+/?|~?/?")
_ELSEWHERE = re.compile(r"""["']?(?:\$|`|%|<|\{\{)""")  # a variable, a command's output, a template: the secret isn't here
_ASSIGNMENT = re.compile(r"""(?P<name>-{0,2}[A-Za-z][\w.-]*)["']?\s*(?P<by>[=:]|\s)\s*(?P<value>"[^"]*"|'[^']*'|[^\s;|&]+)""")

_SHAPES: dict[str, re.Pattern[str]] = {
    "a private key": re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    "an age identity": re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{20,}", re.IGNORECASE),
    "an AWS key": re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"),
    "a Google API key": re.compile(r"AIza[\w-]{30,}"),
    "a GitHub token": re.compile(r"gh[pousr]_\w{20,}|github_pat_\w{20,}"),
    "a GitLab token": re.compile(r"gl(?:pat|rt|dt|cbt)-[\w-]{15,}"),
    "a Slack token": re.compile(r"xox[abeoprs]-[\w-]{10,}|hooks\.slack\.com/services/\w+/\w+"),
    "an API key": re.compile(r"(?<![\w-])(?:sk|pk|rk)[-_][\w-]{16,}|(?<!\w)SG\.[\w-]{16,}|npm_\w{30,}|hf_\w{30,}|pypi-\w{30,}"),
    "a Pulumi or Vault token": re.compile(r"pul-[0-9a-f]{40}|hv[sbr]\.[\w-]{20,}"),
    "a JSON web token": re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    "a password's hash": re.compile(r"SCRAM-SHA-(?:1|256)\$|\$argon2|\$2[abxy]\$\d\d\$|\$[1567y]\$[^$\s]+\$\S"),
    "a login in an address": re.compile(r"[a-z][\w+.-]*://[^/\s:@'\"$]*:[^@/\s$'\"{][^@/\s]*@", re.IGNORECASE),
}

_CERTIFICATE = re.compile(r"-----BEGIN (?:CERTIFICATE|PUBLIC KEY|X509 CRL)-----.*?-----END [A-Z0-9 ]+-----", re.DOTALL)
_DIGEST = re.compile(r"(?:sha(?:1|224|256|384|512)|md5|blake2[bs])[:=-][0-9A-Fa-f]{32,128}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NAME_OF_A_DIGEST = re.compile(r"(?:sha\d*|digest|hash|checksum|commit|revision|rev|fingerprint|etag|version|build|id)$", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9+_=.!@#%^&*?~-]{16,}")
_LONG_HEX = re.compile(r"(?:[0-9a-f]{32,}|[0-9A-F]{32,})")
_SHORT_HEX = re.compile(r"[0-9a-f]{1,31}")  # a short digest is not a key
_LEAST_BITS = 3.3  # of each character of a random word: 16 different characters have 4
_LEAST_CHANGES = 0.28  # of kind between neighbours: words and their joins have fewer, random letters and digits twice as many


def secrets_in(text: str) -> Iterator[str]:
    """Descriptions of the secrets in a text, or of what looks like one; never the secret itself."""
    for name, value in _assignments(text):
        if is_secret(name, value):
            yield f"{name.lstrip('-')} has its value in it"
    for what, shape in _SHAPES.items():
        if shape.search(text):
            yield what
    if looks_random(text):
        yield "a word as random as a key"
    decoded = _decoded(text)
    if decoded and any(shape.search(decoded) for shape in _SHAPES.values()):
        yield "a key, as base64"


def is_secret(name: str, value: str) -> bool:
    """Whether a setting with that name has a secret as its value, instead of the path of a secret's file."""
    value = value.strip().strip("\"'")
    if not value or _ELSEWHERE.match(value) or value.startswith("-"):
        return False
    if _FILE_NAME.search(name):
        return (_sounds_secret(name) or bool(_KEY.search(name))) and not (_PATH.fullmatch(value) and not looks_random(value))
    if not _sounds_secret(name) or _NAME_OF_A_SETTING.search(name):
        return False
    return not (_SWITCH.fullmatch(value) and not _NAME_ENDS_SECRET.search(name)) and not (_PATH.fullmatch(value) and value.startswith("/"))


def looks_random(text: str) -> bool:
    """Whether a word of the text looks random: a key in base64, hex, or letters and digits."""
    cleaned = _UUID.sub(" ", _DIGEST.sub(" ", _CERTIFICATE.sub(" ", text)))
    for word in _WORD.findall(cleaned):
        name, _, value = word.rpartition("=") if "=" in word.rstrip("=") else ("", "", word)
        if _LONG_HEX.search(value) and not _NAME_OF_A_DIGEST.search(name):
            return True
        if any(_is_random(part) for part in re.split(r"[-_.]", value)) or (_is_random(re.sub(r"[-_]", "", value)) and _mixed(value)):
            return True
    return False


def _sounds_secret(name: str) -> bool:
    bare = name.lstrip("-")
    return bool(_SECRET_NAME.search(bare) or _NAME_ENDS_SECRET.search(bare))


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while match := _ASSIGNMENT.search(text, position):
        name, value = match["name"], match["value"]
        # Two consecutive words are a name and a value only in an option, or in a server's setting: `requirepass x`.
        if match["by"] in "=:" or name.startswith("-") or _NAME_ENDS_SECRET.search(name):
            yield name, value
        position = match.end("name")


def _is_random(word: str) -> bool:
    word = word.strip("=.")
    if len(word) < 16 or _SHORT_HEX.fullmatch(word):
        return False
    kinds = [("a" if character.islower() else "A" if character.isupper() else "0" if character.isdigit() else "-") for character in word]
    changes = sum(one != other for one, other in pairwise(kinds))
    bits = -sum(count / len(word) * math.log2(count / len(word)) for count in Counter(word).values())
    return len(set(kinds)) >= 2 and "0" in kinds and bits >= _LEAST_BITS and changes >= _LEAST_CHANGES * len(word)


def _mixed(word: str) -> bool:
    """Whether upper and lower case letters and digits are mixed between its dashes, as in no list of words."""
    return any(any(map(str.isdigit, part)) and any(map(str.isalpha, part)) and part.lower() != part for part in re.split(r"[-_.]", word))


def _decoded(text: str) -> str | None:
    compact = "".join(text.split())
    try:
        return base64.b64decode(compact, validate=True).decode("utf-8") if len(compact) >= 16 else None
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
