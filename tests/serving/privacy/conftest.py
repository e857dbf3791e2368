"""A scored company to erase customers from; copies of it, since an erasure cannot be taken back."""

import pytest

from testkit.workspaces import find_shop


@pytest.fixture(scope="package")
def shop():
    return find_shop()


@pytest.fixture
def workspace(shop, tmp_path):
    return shop.copy(tmp_path / "shop")
