"""``fedele features`` writes the frame and says what is in it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.xdist_group("shop")


def test_the_frame_is_written_and_described_to_a_program(fedele, shop):
    said = fedele("features", "--as-of", "2025-02-01", "--out", "february.parquet", "--json")
    assert said.status == 0
    found = json.loads(said.out)
    assert set(found) == {"as_of", "file", "customers", "features", "families", "feature_hash", "seconds"}
    assert found["as_of"] == "2025-02-01T00:00:00Z"
    assert found["features"] == sum(found["families"].values()) >= 60
    assert pq.read_metadata(Path(found["file"])).num_rows == found["customers"]
    assert f"{found['customers']} customers, {found['features']} features" in said.err


def test_a_file_that_is_no_parquet_is_one_line(fedele, shop):
    said = fedele("features", "--out", "february.csv")
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines()[-1] == (
        "fedele: february.csv does not end in .parquet: a frame is a Parquet file, rename it."
    )
