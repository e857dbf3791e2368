"""A workspace is a folder with ``fedele.toml``; its zone decides when today began."""

from datetime import UTC, datetime

import pytest

from contracts.errors import SettingsError, WorkspaceError
from contracts.settings import FILE_NAME, Settings
from contracts.time import to_text
from contracts.workspace import Workspace, create_workspace, open_workspace

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def in_zone(tmp_path, zone, **section):
    return Workspace(tmp_path, Settings(workspace={"timezone": zone, **section}))


def test_a_new_workspace_opens_with_the_settings_it_was_made_with(tmp_path):
    made = create_workspace(tmp_path / "shop", currency="USD", timezone="Europe/Rome", name='The "Till"')
    section = open_workspace(tmp_path / "shop").settings.workspace
    assert (section.currency, section.timezone, section.name) == ("USD", "Europe/Rome", 'The "Till"')
    assert made.root == tmp_path / "shop"
    assert [file.name for file in made.root.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("name", ["shop", "caffè", "shop 😀", 'a"b', "a'b"])
def test_a_workspace_is_called_like_its_folder(tmp_path, name):
    assert create_workspace(tmp_path / name).settings.workspace.name == name


def test_every_line_of_the_template_that_is_commented_out_holds(tmp_path):
    create_workspace(tmp_path)
    file = tmp_path / FILE_NAME
    lines = file.read_text(encoding="utf-8").splitlines()
    active = [line.removeprefix("# ") if " = " in line or "[[" in line else line for line in lines]
    file.write_text("\n".join(active[2:]), encoding="utf-8")
    settings = open_workspace(tmp_path).settings
    assert settings.workspace.as_of == "2026-01-31"
    assert settings.rates[0].currency == "GBP"
    assert settings.history.static_attributes == ("country",)


def test_a_workspace_is_never_made_twice(tmp_path):
    create_workspace(tmp_path)
    with pytest.raises(WorkspaceError, match=r"is a workspace already: edit its fedele.toml"):
        create_workspace(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("a,b\n", encoding="utf-8")
    with pytest.raises(WorkspaceError, match=r"orders.csv is a file: choose another folder"):
        create_workspace(file)
    assert file.read_text(encoding="utf-8") == "a,b\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"currency": "euro"}, "'euro' is no ISO 4217 code"),
        ({"currency": 'EUR"\nx=1'}, "is no ISO 4217 code"),
        ({"timezone": "Rome"}, "'Rome' is no time zone"),
    ],
)
def test_what_is_no_currency_or_zone_is_refused_and_leaves_nothing(tmp_path, options, said):
    with pytest.raises(SettingsError, match=said):
        create_workspace(tmp_path / "shop", **options)
    assert not (tmp_path / "shop").exists()


def test_a_folder_without_settings_is_no_workspace(tmp_path):
    with pytest.raises(WorkspaceError, match=r"No fedele.toml in .*: run `fedele init`"):
        open_workspace(tmp_path)


def test_opening_touches_nothing_on_disk(tmp_path):
    workspace = create_workspace(tmp_path)
    places = (workspace.events, workspace.frames, workspace.models, workspace.bundles, workspace.scores)
    files = (workspace.work_database, workspace.lock, workspace.promotions, workspace.artifacts)
    assert all(place.parent == tmp_path and not place.exists() for place in (*places, *files))
    assert workspace.tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert workspace.store_url is None


@pytest.mark.parametrize(
    ("zone", "now", "begin"),
    [
        ("UTC", "2026-06-01T00:00:00+00:00", "2026-06-01T00:00:00Z"),
        ("UTC", "2026-06-01T23:59:59+00:00", "2026-06-01T00:00:00Z"),
        ("Europe/Rome", "2026-06-01T22:30:00+00:00", "2026-06-01T22:00:00Z"),
        ("Europe/Rome", "2026-03-29T00:30:00+00:00", "2026-03-28T23:00:00Z"),
        ("Europe/Rome", "2026-03-29T21:59:00+00:00", "2026-03-28T23:00:00Z"),
        ("Europe/Rome", "2026-03-29T22:00:00+00:00", "2026-03-29T22:00:00Z"),
        ("Europe/Rome", "2026-10-25T22:30:00+00:00", "2026-10-24T22:00:00Z"),
        ("Europe/Rome", "2026-10-25T23:00:00+00:00", "2026-10-25T23:00:00Z"),
        ("Asia/Tokyo", "2028-02-28T15:00:00+00:00", "2028-02-28T15:00:00Z"),
        ("America/New_York", "2028-03-01T04:59:00+00:00", "2028-02-29T05:00:00Z"),
    ],
)
def test_without_a_date_today_began_at_midnight_of_the_zone(tmp_path, zone, now, begin):
    assert to_text(in_zone(tmp_path, zone).as_of(None, datetime.fromisoformat(now))) == begin


def test_the_setting_wins_over_today_and_the_option_over_the_setting(tmp_path):
    workspace = in_zone(tmp_path, "Europe/Rome", as_of="1998-07-01")
    assert to_text(workspace.as_of(None, NOON)) == "1998-06-30T22:00:00Z"
    assert to_text(workspace.as_of("1998-03-01T00:00:00Z", NOON)) == "1998-03-01T00:00:00Z"


def test_an_instant_without_an_offset_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="has no offset from UTC"):
        in_zone(tmp_path, "UTC").as_of("2026-01-31T12:00", NOON)


@pytest.mark.parametrize(
    ("given", "kept"),
    [((None, None), (90, 365)), ((30, None), (30, 365)), ((400, None), (400, 400)), ((60, 30), (60, 60))],
)
def test_horizons_of_one_run_keep_value_at_least_as_long_as_churn(tmp_path, given, kept):
    workspace = in_zone(tmp_path, "UTC")
    horizons = workspace.with_horizons(*given).settings.horizons
    assert (horizons.horizon_days, horizons.clv_horizon_days) == kept
    assert workspace.settings.horizons.horizon_days == 90


def test_a_horizon_out_of_bounds_is_named_as_its_option(tmp_path):
    with pytest.raises(SettingsError, match="--horizon-days: Input should be greater"):
        in_zone(tmp_path, "UTC").with_horizons(0, None)
