"""How the tests are spread over processes: a folder stays in one, so that what its tests share is made once."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the marks in the same hook
def pytest_collection_modifyitems(items):
    for item in items:
        folder = item.path.parent.relative_to(ROOT)
        # Unit tests share nothing and are quick.
        name = str(folder) if folder.parts[:1] != ("unit",) else str(item.path.relative_to(ROOT))
        item.add_marker(pytest.mark.xdist_group(name=name))
