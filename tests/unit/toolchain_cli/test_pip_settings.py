"""What pip is told on a machine, in uv's words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airgap.setup import pip_settings
from airgap.setup.pip_settings import PipSettings


@pytest.mark.parametrize(
    ("pip", "uv"),
    [
        ({}, {}),
        ({"index-url": "https://pypi.example/simple"}, {"UV_DEFAULT_INDEX": "https://pypi.example/simple"}),
        (
            {"extra-index-url": "https://one.example/simple\nhttps://two.example/simple"},
            {"UV_INDEX": "https://one.example/simple https://two.example/simple", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        ({"trusted-host": "a.example\n b.example"}, {"UV_INSECURE_HOST": "a.example b.example"}),
        ({"no-index": "true"}, {}),
        ({"no-index": "false"}, {}),
        ({"cert": "/etc/own.pem", "client-cert": "/etc/me.pem"}, {"SSL_CERT_FILE": "/etc/own.pem", "SSL_CLIENT_CERT": "/etc/me.pem"}),
        ({"proxy": "http://proxy.example:3128"}, {"HTTP_PROXY": "http://proxy.example:3128", "HTTPS_PROXY": "http://proxy.example:3128"}),
        ({"default-timeout": "180"}, {"UV_HTTP_TIMEOUT": "180"}),
        ({"timeout": "0.4"}, {"UV_HTTP_TIMEOUT": "1"}),
        # pip only warns of a folder that is missing, uv would stop.
        ({"find-links": "/nowhere/at/all"}, {}),
        ({"progress-bar": "off"}, {}),
    ],
)
def test_each_setting_has_its_word(monkeypatch: pytest.MonkeyPatch, pip: dict[str, str], uv: dict[str, str]) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert PipSettings(pip).uv_variables() == uv


def test_folders_of_wheels_that_exist_are_handed_over(tmp_path: Path) -> None:
    links = f"{tmp_path} https://wheels.example/ /nowhere/at/all"
    assert PipSettings({"find-links": links}).uv_variables()["UV_FIND_LINKS"] == f"{tmp_path},https://wheels.example/"


def test_certificates_of_pips_http_library_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert PipSettings({}).uv_variables()["SSL_CERT_FILE"] == str(bundle)
    assert PipSettings({"cert": "/etc/own.pem"}).uv_variables()["SSL_CERT_FILE"] == "/etc/own.pem"


def test_later_files_and_variables_win_and_a_broken_file_counts_as_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for folder, text in {
        ".pip": "[global]\nindex-url = https://legacy.example/simple\nretries = 7\n",
        ".config/pip": "[global]\nindex_url = https://user.example/simple\n[install]\ntimeout = 9\n",
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "pip.conf").write_text(text)
    values = pip_settings.pip_settings().values
    assert (values["index-url"], values["retries"], values["timeout"]) == ("https://user.example/simple", "7", "9")

    own = tmp_path / "own.conf"
    own.write_text("no section here")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(own))
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example/simple")
    assert pip_settings.pip_settings().values["index-url"] == "https://variable.example/simple"

    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert "retries" not in pip_settings.pip_settings().values
