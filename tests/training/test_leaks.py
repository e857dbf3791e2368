import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.randomness import generator
from testkit.tables import TV_COSTS, build_columns, find_tv_file, resample
from training.column_strength import bin_cells, is_twin, single_auc, value_cells
from training.leaks import ROWS, find_leaks, held_by_near_pure, log_odds, wilson_bounds
from training.metrics import auc
from training.table import read_table


@pytest.fixture(scope="module")
def honest():
    return build_columns(2000, seed=1)


def plant(honest, name, values):
    columns, churned = honest
    dtype = object if isinstance(values[0], str | None) else float
    return columns.assign(**{name: pd.Series(values, dtype=dtype)}), churned


def rules_of(report, name):
    return {each.rule for each in report.suspicious if each.column == name}


@pytest.mark.parametrize("seed", range(5))
def test_an_honest_table_is_not_suspicious(seed):
    assert find_leaks(*build_columns(2000, seed)).suspicious == ()


def test_the_tv_subscriptions_are_not_suspicious_though_many_rows_are_identical():
    table = read_table(find_tv_file(), "target", "id").without(*TV_COSTS)
    report = find_leaks(table.columns, table.churned)
    assert report.suspicious == ()
    assert report.remarks == ("2710 of 9379 rows are identical to another; they share a fold.",)


def test_the_label_in_disguise_is_named(honest):
    churned = honest[1]
    disguises = {"account": np.where(churned > 0, "B", "A").tolist(), "points": (10 - 3 * churned).tolist()}
    for name, values in disguises.items():
        report = find_leaks(*plant(honest, name, values))
        assert report.columns == (name,)
        assert rules_of(report, name) == {"near_pure", "single_auc"}


def test_a_survey_sent_after_the_end_is_named_by_who_has_an_answer(honest):
    draw = generator(1, "survey")
    answered = (honest[1] > 0) & (draw.random(2000) < 0.4)
    score = np.where(answered, draw.integers(0, 11, 2000), np.nan)
    report = find_leaks(*plant(honest, "nps", score.tolist()))
    assert rules_of(report, "nps") == {"near_pure"}
    assert f"hold {answered.sum() / honest[1].sum():.0%} of the churners" in report.suspicious[0].text


def test_a_late_ticket_that_churners_open_while_leaving_is_named(honest):
    draw = generator(2, "ticket")
    late = honest[1] * (draw.random(2000) < 0.7) * draw.integers(1, 4, 2000)
    assert "near_pure" in rules_of(find_leaks(*plant(honest, "open_tickets", late.tolist())), "open_tickets")


def test_free_text_that_only_churners_filled_in_is_named_by_its_blanks(honest):
    texts = [f"note {place}" if left else None for place, left in enumerate(honest[1])]
    assert "near_pure" in rules_of(find_leaks(*plant(honest, "note", texts)), "note")


@pytest.mark.parametrize("name", ["ChurnRisk", "data_disdetta", "account status", "motivo"])
def test_a_name_that_means_the_outcome_is_named_with_an_auc_above_080_and_else_remarked(honest, name):
    draw = generator(3, "name")
    strong = honest[1] + draw.normal(size=2000) * 0.6
    report = find_leaks(*plant(honest, name, strong.tolist()))
    assert rules_of(report, name) == {"outcome_name"}
    weak = honest[1] + draw.normal(size=2000) * 3
    report = find_leaks(*plant(honest, name, weak.tolist()))
    assert report.suspicious == ()
    assert f"Column {name!r} is named like the outcome" in report.remarks[0]


@pytest.mark.parametrize("name", ["churning_butter", "leftover", "statusquo", "treason"])
def test_part_of_a_word_is_no_outcome_name(honest, name):
    report = find_leaks(*plant(honest, name, generator(4, "part").normal(size=2000).tolist()))
    assert (report.suspicious, report.remarks) == ((), ())


def test_churners_drawn_again_before_the_split_are_named(honest):
    report = find_leaks(*resample(*honest, seed=1))
    assert [(each.column, each.rule) for each in report.suspicious] == [(ROWS, "identical_rows")]
    assert "Nearly all copies are of churners" in report.suspicious[0].text
    assert find_leaks(*resample(*honest, seed=1), allowed=[ROWS]).suspicious == ()


def test_every_row_twice_is_a_remark_because_both_labels_are_copied(honest):
    columns, churned = honest
    report = find_leaks(pd.concat([columns, columns], ignore_index=True), np.tile(churned, 2))
    assert report.suspicious == ()
    assert "4000 of 4000 rows are identical" in report.remarks[-1]


def test_a_column_that_people_vouch_for_is_a_remark(honest):
    columns, churned = plant(honest, "exit_code", (3 * honest[1]).tolist())
    assert find_leaks(columns, churned).stops
    report = find_leaks(columns, churned, allowed=["exit_code"])
    assert not report.stops
    assert all(remark.endswith("Allowed by name.") for remark in report.remarks)
    assert len(report.remarks) == 3


def test_columns_may_be_called_by_other_names(honest):
    columns, churned = plant(honest, "x", honest[1].tolist())
    names = [*columns.columns[:-1], "Codice interno"]
    assert find_leaks(columns, churned, names=names).columns == ("Codice interno",)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99))
def test_the_order_of_rows_changes_nothing_and_neither_do_the_inputs_change(seed):
    columns, churned = build_columns(300, seed)
    columns["copy"] = churned
    before = columns.copy()
    order = generator(seed, "order").permutation(300)
    report = find_leaks(columns, churned)
    again = find_leaks(columns.iloc[order].reset_index(drop=True), churned[order])
    assert again.suspicious == report.suspicious
    assert [name for name, _ in again.strength] == [name for name, _ in report.strength]
    assert np.allclose([alone for _, alone in again.strength], [alone for _, alone in report.strength])
    pd.testing.assert_frame_equal(columns, before)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99))
def test_calling_stayers_churners_leaves_every_auc_and_name_as_it_was(seed):
    columns, churned = build_columns(300, seed)
    columns["copy"] = churned
    report, turned = find_leaks(columns, churned), find_leaks(columns, 1 - churned)
    assert turned.columns == report.columns
    assert np.allclose([alone for _, alone in turned.strength], [alone for _, alone in report.strength])


@given(hits=st.integers(0, 500), more=st.integers(0, 500))
def test_the_wilson_bounds_solve_their_equation(hits, more):
    rows = hits + more
    low, high = wilson_bounds(np.array([float(hits)]), np.array([float(rows)]))
    assert 0 <= low[0] <= high[0] <= 1
    for bound, is_open in ((low[0], hits > 0), (high[0], more > 0)):
        if rows and is_open:
            distance = 1.959963984540054 * np.sqrt(bound * (1 - bound) / rows)
            assert abs(hits / rows - bound) == pytest.approx(distance, abs=1e-9)


def test_near_pure_begins_at_thirty_rows_and_four_log_odds():
    churned = np.zeros(100_000)
    churned[:500] = 1
    for pure, wanted in ((29, 0.0), (30, 30 / 500)):
        cells = np.zeros(100_000, dtype=np.int64)
        cells[:pure] = 1
        assert held_by_near_pure(cells, churned)[0] == pytest.approx(wanted)
    assert log_odds(0.8865) - log_odds(0.005) > 4


def test_bins_are_of_like_size_and_missing_is_one_of_them():
    values = np.append(np.arange(2000.0), np.full(50, np.nan))
    rows = np.bincount(bin_cells(values))
    assert rows.tolist() == [100] * 20 + [50]
    assert len(np.bincount(bin_cells(np.arange(90.0)))) == 3
    assert set(bin_cells(np.full(40, np.nan))) == {1}
    assert value_cells(pd.Series(["a", None, "a"], dtype=object)).tolist() == [0, 1, 0]


@settings(deadline=None)
@given(values=st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=4, max_size=60))
def test_a_column_alone_is_never_weaker_than_its_plain_ranking(values):
    x, churned = (np.array(part, dtype=float) for part in zip(*values, strict=True))
    churned[:2] = 0, 1
    plain = auc(churned, x)
    assert single_auc(pd.Series(x), churned) >= max(plain, 1 - plain) - 1e-12


def test_twins_say_the_same_and_strangers_do_not(honest):
    columns, churned = honest
    label = pd.Series(churned)
    assert is_twin(label, pd.Series(np.where(churned > 0, "gone", None), dtype=object))
    assert is_twin(columns["tenure"], 3 - columns["tenure"])
    assert not is_twin(columns["tenure"], label)
    assert not is_twin(columns["tenure"], pd.Series(np.zeros(2000)))
