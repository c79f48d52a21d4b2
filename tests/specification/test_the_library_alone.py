"""The wheel holds what applications import, and works with the account's file alone: no clone, no Pulumi, no Docker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from infra import env_file
from infra.connections import ROOT, Platform

# `-S` leaves the editable install of this clone out: what it imports is the wheel's, or a library's.
APPLICATION = """
import asyncio, json, sys
from datetime import UTC, datetime
from decimal import Decimal
import christmas
from christmas.market import Candle
from christmas.profiles import Profile

found = {"from": christmas.__file__}
candle = Candle(datetime.now(UTC).replace(microsecond=0), *map(Decimal, ("1.5", "2", "1", "1.7", "10")))
with christmas.connect(sys.argv[1]) as stores:
    session = stores.sessions.create(7, "kim", ["user"])
    found["session"] = stores.sessions.read(session.token).username
    stores.market.write({"LIB": candle})
    found["market"] = str(stores.market.read(["LIB"])["LIB"].close)
    found["allowed"] = stores.rate_limiter(2).check("192.0.2.77").allowed
    with stores.postgres.connection() as connection:
        insert = "insert into users (username, email, password_hash) values ('lib', 'lib@example.org', %s) returning id"
        (user,) = connection.execute(insert, (sys.argv[2],)).fetchone()
        stores.profiles.write(connection, Profile(user_id=user, first_name="민지", preferences={"theme": "dark"}))
        found["name"] = stores.profiles.read(connection, user).first_name
    found["preferences"] = stores.preferences.read(user)
    found["passages"] = len(stores.weaviate.collections.use("ChristmasDocument").query.fetch_objects(limit=1).objects)

async def again():
    async with christmas.connect_async(sys.argv[1]) as stores:
        found["async session"] = (await stores.sessions.read(session.token)).username
        found["async preferences"] = await stores.preferences.read(user)
        async with (await stores.postgres()).connection() as connection:
            found["async name"] = (await stores.profiles.read(connection, user)).first_name
            await connection.execute("delete from user_profiles where user_id = %s", (user,))
            await connection.execute("delete from users where id = %s", (user,))
        client, other = await asyncio.gather(stores.weaviate(), stores.weaviate())
        found["one client"] = client is other
        store = client.collections.use("ChristmasDocument")
        found["async passages"] = len((await store.query.fetch_objects(limit=1)).objects)

asyncio.run(again())
found["rooms"] = sorted({"infra", "core", "backup", "pulumi", "docker"} & {name.partition(".")[0] for name in sys.modules})
print(json.dumps(found))
"""
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObG"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installer does it."""
    built, folder = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)], cwd=ROOT, check=True, capture_output=True)
    (packed,) = built.glob("*.whl")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    return folder


def run(wheel: Path, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(wheel), sysconfig.get_path("purelib")])
    return subprocess.run(
        [sys.executable, "-S", "-c", program, *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_the_library_and_nothing_else(wheel: Path, tmp_path: Path) -> None:
    assert {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")} == {"christmas"}
    assert (wheel / "christmas" / "py.typed").exists()
    # What it imports is no more than its extras name: a program that imports every module finds none of the rooms.
    program = (
        "import importlib, pkgutil, sys, christmas\n"
        "for each in pkgutil.walk_packages(christmas.__path__, 'christmas.'): importlib.import_module(each.name)\n"
        "print(sorted({'core', 'infra', 'backup', 'airgap', 'pulumi', 'docker'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = run(wheel, program, cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.exhaustive
def test_an_application_needs_the_wheel_and_the_accounts_file(wheel: Path, platform: Platform, tmp_path: Path) -> None:
    path = env_file.write(platform, "app", path=tmp_path / "app.env")
    done = run(wheel, APPLICATION, str(path), HASH, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document.pop("from").startswith(str(wheel))
    passages = document.pop("passages")
    assert passages == document.pop("async passages") == 1
    assert document == {
        "session": "kim",
        "market": "1.7",
        "allowed": True,
        "name": "민지",
        "preferences": {"theme": "dark"},
        "async session": "kim",
        "async preferences": {"theme": "dark"},
        "async name": "민지",
        "one client": True,
        "rooms": [],
    }


@pytest.mark.exhaustive
def test_a_store_that_the_account_is_not_in_is_named(wheel: Path, platform: Platform, tmp_path: Path) -> None:
    path = env_file.write(platform, "ingest", path=tmp_path / "ingest.env")
    program = (
        "import sys, christmas\ntry: christmas.connect(sys.argv[1]).weaviate\nexcept christmas.MissingSettingError as error: print(error)"
    )
    assert "account ingest has no WEAVIATE_API_KEY" in run(wheel, program, str(path), cwd=tmp_path).stdout
