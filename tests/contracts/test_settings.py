"""Settings are read once, checked whole, and never print a secret."""

import pytest
from pydantic import ValidationError

from contracts.errors import SchemaTooNew, SettingsError
from contracts.settings import SCHEMA_VERSION, Settings, load_settings, read_variable, set_variable_default

SECRET = "postgresql+psycopg://fedele:hunter2@localhost/fedele"


@pytest.fixture
def load(tmp_path):
    def read(text):
        file = tmp_path / "fedele.toml"
        file.write_text(text, encoding="utf-8")
        return load_settings(file)

    return read


def test_an_empty_file_is_all_defaults(load):
    settings = load("")
    assert settings == Settings()
    horizons = settings.horizons
    assert (horizons.horizon_days, horizons.clv_horizon_days, horizons.annual_discount_rate) == (90, 365, 0)
    assert (settings.workspace.currency, settings.workspace.timezone) == ("EUR", "UTC")
    assert settings.history.stale_after_days == 35


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", r"fedele.toml: colour: Extra inputs are not permitted"),
        ("[workspace]\ncurency = 'EUR'", r"workspace.curency: Extra inputs"),
        ("[workspace]\ncurrency = 'Euro'", r"workspace.currency: String should match"),
        (
            "[horizons]\nhorizon_days = 0",
            r"horizons.horizon_days: Input should be greater than or equal to 1",
        ),
        ("[horizons]\nannual_discount_rate = 1.5", r"annual_discount_rate: Input should be less"),
        ("[bands]\nhigh = 1.0", r"bands.high: Input should be less than 1"),
        (
            "[[rates]]\ncurrency = 'GBP'\ndate = '2026-01-01'\nrate = 0",
            r"rates.0.rate: Input should be greater",
        ),
        ("[serve]\nport = 70000", r"serve.port: Input should be less"),
        ("[sources.till]\nlinse = true", r"sources.till.linse: Extra inputs"),
    ],
)
def test_what_no_setting_is_or_what_is_out_of_bounds_is_named_by_its_place(load, text, said):
    with pytest.raises(SettingsError, match=said):
        load(text)


@pytest.mark.parametrize("text", ["[workspace", "a = = 1", "name = 'caf\udce9'"])
def test_a_file_that_is_no_toml_is_refused(tmp_path, text):
    file = tmp_path / "fedele.toml"
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(SettingsError, match="not readable as TOML"):
        load_settings(file)


def test_a_file_of_a_later_fedele_is_refused_with_both_versions(load):
    with pytest.raises(SchemaTooNew, match=f"schema_version {SCHEMA_VERSION + 1}, this Fedele knows"):
        load(f"schema_version = {SCHEMA_VERSION + 1}\n[unheard]\nof = 1")


def test_the_environment_wins_over_the_file_setting_by_setting(load, monkeypatch):
    monkeypatch.setenv("FEDELE_WORKSPACE__CURRENCY", "USD")
    monkeypatch.setenv("FEDELE_HORIZONS__HORIZON_DAYS", "30")
    settings = load("[workspace]\ncurrency = 'GBP'\nname = 'till'\n[horizons]\ngrace_days = 7")
    assert (settings.workspace.currency, settings.workspace.name) == ("USD", "till")
    assert (settings.horizons.horizon_days, settings.horizons.grace_days) == (30, 7)


def test_a_variable_out_of_bounds_or_of_no_setting_is_named(load, monkeypatch):
    monkeypatch.setenv("FEDELE_WORKSPACE__CURRENCY", "euros")
    with pytest.raises(SettingsError, match=r"workspace.currency: String should match"):
        load("")
    monkeypatch.setenv("FEDELE_WORKSPACE__CURRENCY", "EUR")
    monkeypatch.setenv("FEDELE_WORKSPACE__COLOUR", "red")
    with pytest.raises(SettingsError, match=r"workspace.colour: Extra inputs"):
        load("")


def test_a_variable_that_names_a_whole_section_is_refused_in_words(load, monkeypatch):
    monkeypatch.setenv("FEDELE_WORKSPACE", "/srv/shop")
    with pytest.raises(SettingsError, match=r'field "workspace".*like FEDELE_WORKSPACE__CURRENCY'):
        load("")


def test_a_secret_prints_as_stars_and_is_told_only_when_asked(load, monkeypatch):
    monkeypatch.setenv("FEDELE_STORE__URL", SECRET)
    settings = load("")
    for text in (str(settings), repr(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "hunter2" not in text
        assert "*****" in text
    assert settings.store.url.get_secret_value() == SECRET


def test_a_secret_of_the_wrong_shape_is_not_in_the_error(load):
    with pytest.raises(SettingsError, match=r"store.urls: Extra inputs") as caught:
        load(f"[store]\nurls = '{SECRET}'")
    assert "hunter2" not in str(caught.value)


def test_settings_are_frozen_all_the_way_down():
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.workspace = None
    with pytest.raises(ValidationError, match="frozen"):
        settings.workspace.currency = "USD"


def test_a_default_never_replaces_a_variable_that_is_set(monkeypatch):
    monkeypatch.setenv("FEDELE_TESTED", "mine")
    set_variable_default("FEDELE_TESTED", "theirs")
    assert read_variable("FEDELE_TESTED") == "mine"
    monkeypatch.delenv("FEDELE_TESTED")
    assert read_variable("FEDELE_TESTED") is None


def test_columns_that_people_vouch_for_are_named_in_the_settings(tmp_path):
    file = tmp_path / "fedele.toml"
    file.write_text('[training]\nallowed_columns = ["attribute.tier"]\n', encoding="utf-8")
    assert load_settings(file).training.allowed_columns == ("attribute.tier",)
    assert Settings().training.allowed_columns == ()
