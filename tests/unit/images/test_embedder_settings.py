from __future__ import annotations

import os
from pathlib import Path

import pytest

from airgap.images.embedder.embedder_server.settings import Settings, SettingsError, read_tokens, usable_processors


def test_defaults_are_the_platforms_paths() -> None:
    settings = Settings.from_environment({"PATH": "/bin", "HOME": "/"})
    assert (settings.port, settings.certificate, settings.token) == (8443, Path("/run/christmas/tls.crt"), Path("/run/christmas/api.key"))


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment(
        {"EMBEDDER_PORT": "9000", "EMBEDDER_KEY": "/x/key", "EMBEDDER_THREADS": "3", "EMBEDDER_HOST": "::"}
    )
    assert (settings.port, settings.key, settings.threads, settings.host) == (9000, Path("/x/key"), 3, "::")


WRONG = ["PORT=https", "PORT=0", "PORT=70000", "THREADS=-1", "RECEIVE_SECONDS=0", "PROT=1"]


@pytest.mark.parametrize("setting", WRONG)
def test_wrong_and_unknown_settings_are_refused(setting: str) -> None:
    name, _, value = setting.partition("=")
    with pytest.raises(SettingsError, match="EMBEDDER_"):
        Settings.from_environment({f"EMBEDDER_{name}": value})


def test_api_keys_are_one_or_two_words_of_some_length(tmp_path: Path) -> None:
    file = tmp_path / "api.key"
    with pytest.raises(SettingsError, match="can't be read"):
        read_tokens(file)
    three = "a-key-of-some-length\nanother-key-of-some-length\na-third-key-of-some-length\n"
    for text in ("", "short", "two words that are long enough", "a-key-of-some-length\n\n", "a-key-of-some-length\nshort\n", three):
        file.write_text(text)
        with pytest.raises(SettingsError) as caught:
            read_tokens(file)
        assert not text or text not in str(caught.value)
    file.write_text("a-key-of-some-length\n")
    assert read_tokens(file) == (b"a-key-of-some-length",)
    file.write_text("another-key-of-some-length\na-key-of-some-length")
    assert read_tokens(file) == (b"another-key-of-some-length", b"a-key-of-some-length")


AVAILABLE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, AVAILABLE),
        ({"cpu.max": "max 100000"}, AVAILABLE),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "1000000 100000"}, AVAILABLE if AVAILABLE < 10 else 10),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, AVAILABLE),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu.max": "nonsense"}, AVAILABLE),
    ],
)
def test_threads_follow_the_cpu_quota(tmp_path: Path, files: dict[str, str], expected: int) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    assert usable_processors(tmp_path) == expected
