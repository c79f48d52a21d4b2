"""Weaviate's cluster port takes an abort from whoever knows the running backup's id, so nobody can guess one: docs/adr/0015."""

from __future__ import annotations

import re

from backup.sets import folders
from backup.weaviate.back_up import new_id, set_of

SET = "20261129-145532-full-f488"


def test_an_id_can_not_be_guessed_and_tells_its_set() -> None:
    ids = {new_id(SET) for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(SET + "-[0-9a-f]{32}", id_) for id_ in ids)
    assert {set_of(id_) for id_ in ids} == {SET}
    assert folders.is_id(SET)
    assert not any(map(folders.is_id, ids))


def test_a_former_versions_backup_is_called_as_its_set() -> None:
    assert set_of(SET) == SET
    assert set_of("20261129-145532-incremental-f488") == "20261129-145532-incremental-f488"
