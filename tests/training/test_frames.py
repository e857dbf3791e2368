"""A stored feature frame is a Parquet file that says which list it holds; equal facts, equal bytes."""

import json

import pyarrow.parquet as pq
import pytest

from contracts.errors import StoreError
from contracts.feature_frame import INDEX, FeatureList
from testkit.workspaces import find_shop
from training.frames import METADATA, store_frame

pytestmark = pytest.mark.xdist_group("shop")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    workspace = find_shop().copy(tmp_path_factory.mktemp("frames") / "shop")
    return workspace, store_frame(workspace, find_shop().as_of)


def test_the_file_holds_the_frame_that_training_saw(stored):
    _, found = stored
    rows = pq.read_table(found.file).to_pandas()
    present = find_shop().training.training_set.present
    # Subscribers have a family of their own beside what buyers by orders have.
    own = [name for name in rows.columns if not name.startswith("subscription.")]
    assert tuple(own) == (*INDEX, *present.features.names)
    assert len(own) < len(rows.columns)
    shops = rows[rows["kind"] == "shop"].reset_index(drop=True)
    assert shops["customer_id"].tolist() == present.index["customer_id"].tolist()
    for feature in present.features:
        expected = present.column(feature.name)
        assert ((shops[feature.name] == expected) | (shops[feature.name].isna() & expected.isna())).all()


def test_the_account_counts_customers_and_features_by_family(stored):
    _, found = stored
    assert found.customers == pq.read_metadata(found.file).num_rows
    shops = len(find_shop().training.training_set.present.features)
    assert sum(found.families.values()) - found.families["subscription"] == shops
    assert {"rfm", "rhythm", "trend", "support", "channel"} <= set(found.families)


def test_the_list_and_its_hash_travel_inside_the_file(stored):
    _, found = stored
    facts = json.loads(pq.read_schema(found.file).metadata[METADATA])
    assert FeatureList.from_dicts(facts["features"]).hash == facts["feature_hash"] == found.feature_hash


def test_a_frame_lies_under_its_instant_and_hash_with_nothing_half_written_beside_it(stored):
    workspace, found = stored
    assert found.file.name == f"{find_shop().as_of:%Y%m%dT%H%M%S}-{found.feature_hash}.parquet"
    assert [file.name for file in workspace.frames.iterdir()] == [found.file.name]


def test_equal_facts_give_an_equal_file_wherever_it_is_put(stored, tmp_path):
    workspace, found = stored
    again = store_frame(workspace, find_shop().as_of, tmp_path / "made" / "frame.parquet")
    assert again.file.read_bytes() == found.file.read_bytes()


def test_a_file_of_another_kind_is_refused_before_anything_is_built(stored, tmp_path):
    with pytest.raises(StoreError, match=r"frame.csv does not end in .parquet"):
        store_frame(stored[0], find_shop().as_of, tmp_path / "frame.csv")
