"""Purchase models by the name of their family and of their file."""

import pytest

from contracts.errors import BundleRefused
from testkit.invented_folds import BTYD
from training.models.purchase_families import (
    PURCHASE_FAMILIES,
    PURCHASE_FILES,
    family_of,
    find_purchase_file,
    read_purchase_model,
)


@pytest.mark.parametrize("family", PURCHASE_FAMILIES)
def test_each_family_comes_back_from_its_own_file(family):
    model = BTYD[family].purchase_model
    assert family_of(model) == family
    assert read_purchase_model(PURCHASE_FILES[family], model.to_dict()) == model


def test_a_file_of_no_family_is_refused_by_its_name():
    with pytest.raises(BundleRefused, match=r"gamma_gamma\.json holds no purchase model"):
        read_purchase_model("gamma_gamma.json", {})


@pytest.mark.parametrize("family", PURCHASE_FAMILIES)
def test_parameters_that_are_missing_or_outside_their_gates_are_refused(family):
    plain = BTYD[family].purchase_model.to_dict()
    with pytest.raises(BundleRefused, match="alpha"):
        read_purchase_model(PURCHASE_FILES[family], {k: v for k, v in plain.items() if k != "alpha"})
    with pytest.raises(BundleRefused, match=r"r = 1e\+09 is outside"):
        read_purchase_model(PURCHASE_FILES[family], plain | {"r": 1e9})


@pytest.mark.parametrize("names", [(), ("panels.json",), tuple(PURCHASE_FILES.values())])
def test_a_bundle_needs_exactly_one_purchase_model(names):
    count = len(set(names) & set(PURCHASE_FILES.values()))
    with pytest.raises(BundleRefused, match=f"{count} purchase models in the bundle instead of one"):
        find_purchase_file(dict.fromkeys(names))


@pytest.mark.parametrize("family", PURCHASE_FAMILIES)
def test_the_purchase_file_is_found_among_the_others(family):
    names = {"panels.json": None, PURCHASE_FILES[family]: None}
    assert find_purchase_file(names) == PURCHASE_FILES[family]
