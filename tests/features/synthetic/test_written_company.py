from datetime import timedelta

import pytest

from contracts.settings import FILE_NAME, Settings, SourceSection
from contracts.workspace import open_workspace
from features.engine import Engine
from features.frame import build_frame
from features.ingest.load import ingest_file
from features.snapshot import take_snapshot
from features.synthetic import CompanyParameters, simulate_company, write_company
from testkit.companies import open_company


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    root = tmp_path_factory.mktemp("simulated")
    (root / FILE_NAME).write_text("schema_version = 1\n", encoding="utf-8")
    workspace = open_workspace(root)
    company = simulate_company(CompanyParameters(customers=150, days=300, delays=True), seed=4)
    now = company.parameters.ends_at + timedelta(days=30)
    reports = [
        ingest_file(workspace, name, file, SourceSection(recorded_at="recorded_at"), source="sim", now=now)
        for name, file in write_company(company, root / "files").items()
    ]
    return company, workspace, reports


def test_ingest_loads_every_row_of_a_written_company(loaded):
    company, _, reports = loaded
    rows = {name: len(table) for name, table in company.tables.items() if len(table)}
    assert {report.table: report.loaded for report in reports} == rows
    assert sum(report.quarantined for report in reports) == 0


def test_a_company_gives_the_same_frame_from_files_as_from_memory(loaded):
    company, workspace, _ = loaded
    as_of = company.parameters.ends_at
    from_files, from_memory = (
        build_frame(take_snapshot(events, as_of, Settings()))
        for events in (Engine(threads=1).open_events(workspace.root / "events"), open_company(company))
    )
    assert from_files.features == from_memory.features
    assert from_files.index.equals(from_memory.index)
    assert from_files.values.equals(from_memory.values)
