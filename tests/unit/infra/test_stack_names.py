"""What a stack may be called: the edges, and a name that each refusal proposes."""

import pytest

from airgap.images.catalog import SERVICES
from core.errors import PlatformError
from infra.stack_names import LONGEST, check_name, proposed


@pytest.mark.parametrize("name", ["dev", "a", "7", "2024-prod", "test-ci-31337", "a--b", "x" * LONGEST])
def test_names_that_are_taken(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Dev", "dev"),
        ("my.stack", "my-stack"),
        ("my_stack", "my-stack"),
        ("-dev-", "dev"),
        ("dev\n", "dev"),
        ("organization/christmas/dev", "organization-christmas-dev"),
        ("개발", ""),
        ("개발-2", "2"),
        ("", ""),
        ("x" * (LONGEST + 1), "x" * LONGEST),
        ("y" * 100, "y" * LONGEST),
        ("z" * (LONGEST - 1) + "-more", "z" * (LONGEST - 1)),
    ],
)
def test_names_that_are_refused_with_one_that_would_do(name, near):
    with pytest.raises(PlatformError) as refused:
        check_name(name)
    assert "can't be called" in str(refused.value)
    assert f"1 to {LONGEST} lower-case letters" in str(refused.value)
    assert f"CHRISTMAS_STACK={near or 'NAME'} make up" in str(refused.value)
    assert proposed(name) == near
    if near:
        assert check_name(near) == near


def test_the_longest_name_fits_where_names_are_made_of_it():
    longest = "x" * LONGEST
    assert all(len(f"christmas-{longest}-{service}") <= 63 for service in SERVICES)  # a part of a host's name
    assert len(f"christmas {longest} CA") <= 64  # a certificate's common name
