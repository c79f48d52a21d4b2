"""The rules from where Redis' accounts come in, as text, and how the check judges those of a server."""

from __future__ import annotations

import pytest

from christmas.blueprint.accounts import ACCOUNTS
from christmas.blueprint.model import Account, Network, RedisUser
from infra.components.redis_start_command import start_command
from infra.provider.address_rules import address_rules, configuration
from monitor.redis_addresses import judge

DECLARED = address_rules(ACCOUNTS, "10.1.2.0/24", "10.1.2.1")


def test_the_operators_accounts_come_in_from_the_host_alone():
    from_host = {word.partition("@")[0] for word in DECLARED.split() if word.endswith("@10.1.2.1")}
    from_network = {word.partition("@")[0] for word in DECLARED.split() if word.endswith("@10.1.2.0/24")}
    assert from_host == {"backup", "monitor", "admin"}
    assert from_network == {"api", "ingest", "app"}
    assert len(DECLARED.split()) == len([account for account in ACCOUNTS if account.redis])


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ((Network.PLATFORM, Network.HOST), "someone@10.1.2.0/24"),
        # The gateway lies in the subnet, so it has to be turned away before the subnet is let in.
        ((Network.PLATFORM,), "!someone@10.1.2.1 someone@10.1.2.0/24"),
        ((Network.HOST,), "someone@10.1.2.1"),
        ((), "!someone@10.1.2.1"),
    ],
)
def test_an_account_comes_in_only_from_its_networks(networks, expected):
    account = Account(name="someone", purpose="", redis=RedisUser(networks=networks))
    assert address_rules([account], "10.1.2.0/24", "10.1.2.1") == expected


def test_networks_of_ipv6_are_written_as_they_are():
    account = Account(name="someone", purpose="", redis=RedisUser())
    assert address_rules([account], "fd00:1::/64", "fd00:1::1") == "someone@fd00:1::/64"


def test_monitoring_lets_the_account_that_watches_in_from_the_network():
    with_it = address_rules(ACCOUNTS, "10.1.2.0/24", "10.1.2.1", monitoring=True)
    assert set(with_it.split()) ^ set(DECLARED.split()) == {"monitor@10.1.2.1", "monitor@10.1.2.0/24"}


def test_who_comes_in_from_the_network_does_so_from_other_machines_that_are_named():
    with_it = address_rules(ACCOUNTS, "10.1.2.0/24", "10.1.2.1", monitoring=True, elsewhere=["192.0.2.0/24", "2001:db8::/32"])
    assert {word.partition("@")[0] for word in with_it.split() if word.endswith("@192.0.2.0/24")} == {"api", "ingest", "app"}
    assert {word.partition("@")[0] for word in with_it.split() if word.endswith("@2001:db8::/32")} == {"api", "ingest", "app"}


def test_a_gateway_outside_the_subnet_is_refused():
    with pytest.raises(ValueError, match="not in"):
        address_rules(ACCOUNTS, "10.1.2.0/24", "10.9.9.1")


def test_a_server_whose_image_has_no_module_is_started_without_its_settings():
    script = start_command()[2]
    assert '[ ! -x /usr/local/lib/christmas/addresses.so ] || set -- "$@" --loadmodule' in script
    assert configuration("api@10.1.2.0/24") == 'addresses.rules "api@10.1.2.0/24"\n'


@pytest.mark.parametrize(
    ("live", "foreign", "status", "words"),
    [
        (DECLARED, False, "ok", "rules as declared"),
        (None, False, "critical", "without the module that its image should have"),
        (None, True, "warning", "this image is another's"),
        ("", False, "critical", "api@10.1.2.0/24 is missing"),
        (f"{DECLARED} admin@0.0.0.0/0", True, "critical", "admin@0.0.0.0/0 is not declared"),
        (" ".join(reversed(DECLARED.split())), False, "critical", "in another order"),
    ],
)
def test_what_is_told_of_a_servers_rules(live, foreign, status, words):
    finding = judge(DECLARED, live, "dev", foreign=foreign)
    assert finding.status == status
    assert words in finding.message
    assert bool(finding.next_step) is (status != "ok")
