"""Histories of restores upon restores, of each store, with kills: see `machine` beside this."""

import pytest

from backup.sets.model import Store
from tests.integration.backup_histories.machine import go_through
from tests.support.backup_faults import Sets

FEW: dict[Store, int] = {"postgres": 1, "redis": 4, "weaviate": 1}
MANY: dict[Store, int] = {"postgres": 40, "redis": 130, "weaviate": 30}


@pytest.mark.parametrize("store", FEW)
def test_a_few_histories_end_as_the_model_says(platform_of_histories: Sets, store: Store) -> None:
    assert go_through(platform_of_histories, store, FEW[store])["histories"]


@pytest.mark.exhaustive
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("store", MANY)
def test_many_histories_end_as_the_model_says(platform_of_histories: Sets, store: Store) -> None:
    assert go_through(platform_of_histories, store, MANY[store])["histories"]
