import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ContractError
from testkit.reading import find_reader
from training.voice import (
    ADDED,
    FOLDS,
    Columns,
    Comments,
    check_table_name,
    hear,
    judge_apart,
    part_by_day,
    part_by_text,
    read_comments,
    sum_up,
    tell,
    write_table,
)  # fmt: skip

WROTE = ["Great!", "Awful, never again.", "", "Write to anna@example.org, the parcel is late", "Great!"]


@pytest.fixture
def file(tmp_path):
    place = tmp_path / "comments.csv"
    frame = pd.DataFrame({"said": WROTE, "nps": ["10", "0", "5", "", "ten"], "language": ["en"] * 5})
    frame.to_csv(place, index=False)
    return place


def draw_comments(count, days=None):
    texts = tuple(f"comment {place}" for place in range(count))
    scores = (np.arange(count) % 11) / 10.0
    return Comments(pd.DataFrame({"said": texts}), "said", texts, scores, days)


def test_a_file_becomes_texts_and_scores_and_says_what_it_could_not_read(file):
    comments = read_comments(file, Columns("said", "nps", 0, 10))
    assert comments.texts == tuple(WROTE)
    assert comments.scores.tolist()[:3] == [1, 0, 0.5]
    assert np.isnan(comments.scores[3:]).all()
    assert comments.remarks == ("1 scores are no numbers and teach nothing.",)


def test_a_missing_column_is_answered_with_those_there_are(file):
    with pytest.raises(ContractError, match="has no column 'text'; it has 'said', 'nps', 'language'"):
        read_comments(file, Columns("text"))
    with pytest.raises(ContractError, match=r"There is no file none\.csv"):
        read_comments(file.with_name("none.csv"), Columns("said"))


def test_a_score_outside_its_scale_is_an_error_with_the_next_step(file):
    with pytest.raises(ContractError, match="3 values of 'nps' are outside 1 to 4: give the ends"):
        read_comments(file, Columns("said", "nps", 1, 4))


def test_dates_that_are_none_are_counted_and_parquet_is_read_too(tmp_path):
    file = tmp_path / "comments.parquet"
    frame = pd.DataFrame(
        {"said": ["a", "b", "c"], "on": ["2024-01-02", "yesterday", "2024-01-01T12:00:00+01:00"]}
    )
    frame.to_parquet(file)
    comments = read_comments(file, Columns("said", date="on"))
    assert comments.days[0] - comments.days[2] == pytest.approx(13 / 24)
    assert np.isnan(comments.days[1])
    assert "1 dates are not of the form" in comments.remarks[0]


@given(st.lists(st.integers(0, 20) | st.none(), max_size=40))
def test_folds_of_days_run_in_time_order_and_equal_days_share_one(days):
    instants = np.array([np.nan if day is None else float(day) for day in days])
    folds = part_by_day(instants)
    assert (folds[np.isnan(instants)] == -1).all()
    known = np.flatnonzero(np.isfinite(instants))
    for one in known:
        for other in known:
            if instants[one] < instants[other]:
                assert folds[one] <= folds[other]
            elif instants[one] == instants[other]:
                assert folds[one] == folds[other]
    assert folds.max(initial=0) < FOLDS


def test_equal_texts_share_a_fold_whatever_stands_beside_them():
    folds = part_by_text(["a", "b", "a", "c"])
    assert folds[0] == folds[2]
    assert folds.tolist()[::-1] == part_by_text(["c", "a", "b", "a"]).tolist()


def test_a_comment_is_judged_by_a_head_that_did_not_see_its_score():
    comments = draw_comments(60)
    vectors, plain = np.eye(60), np.zeros(60)
    before = judge_apart(comments, vectors, plain)
    for changed in (0, 31):
        scores = comments.scores.copy()
        scores[changed] = 1 - scores[changed]
        after = judge_apart(Comments(comments.frame, "said", comments.texts, scores, None), vectors, plain)
        assert after[changed] == before[changed]


def test_with_dates_only_earlier_scores_teach():
    days = np.arange(60, dtype=float)
    comments = draw_comments(60, days)
    vectors, plain = np.tile(np.eye(6), (10, 1)), np.full(60, 0.2)
    before = judge_apart(comments, vectors, plain)
    assert (before[:12] == 0.2).all()
    assert (before[12:] != 0.2).all()
    scores = np.where(days >= 30, 1 - comments.scores, comments.scores)
    after = judge_apart(Comments(comments.frame, "said", comments.texts, scores, days), vectors, plain)
    assert after[:36].tolist() == before[:36].tolist()


def test_few_scores_teach_nothing(file):
    heard = hear(read_comments(file, Columns("said", "nps", 0, 10)), find_reader())
    assert heard.reading["sentiment"].equals(pd.Series(heard.plain))


def test_what_is_told_has_the_columns_of_the_file_and_no_personal_data(file):
    told = tell(hear(read_comments(file, Columns("said")), find_reader()))
    assert list(told.columns) == ["said", "nps", "language_given", *ADDED]
    assert told["said"][3] == "Write to [email], the parcel is late"
    assert "anna" not in told.to_csv()
    assert len(told) == len(WROTE)


def test_the_sum_counts_everything_and_quotes_masked_texts(file):
    summed = sum_up(hear(read_comments(file, Columns("said", "nps", 0, 10)), find_reader()))
    assert (summed["texts"], summed["empty"]) == (5, 1)
    assert sum(topic["texts"] for topic in summed["topics"].values()) == 4
    assert "[email]" in summed["topics"]["delivery"]["quote"]
    assert summed["scores"] == {"scored": 3, "auc_without": 1.0, "auc_with": 1.0}


def test_scores_of_one_kind_only_give_no_figure_and_no_error(tmp_path):
    file = tmp_path / "comments.csv"
    file.write_text("said,stars\n" + "".join(f"fine {place},5\n" for place in range(12)), encoding="utf-8")
    heard = hear(read_comments(file, Columns("said", "stars", 1, 5)), find_reader())
    assert sum_up(heard)["scores"] == {"scored": 12, "auc_without": None, "auc_with": None}
    assert (heard.reading["sentiment"] > heard.plain).all()


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_table_is_written_whole_by_its_name(tmp_path, name):
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", 'città, "y"']})
    write_table(tmp_path / name, frame)
    back = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    assert back["b"].tolist() == frame["b"].tolist()
    assert [place.name for place in tmp_path.iterdir()] == [name]


def test_a_name_or_folder_that_cannot_be_written_is_refused_first(tmp_path):
    with pytest.raises(ContractError, match=r"out\.xlsx ends neither in \.parquet nor in \.csv"):
        check_table_name(tmp_path / "out.xlsx")
    with pytest.raises(ContractError, match=r"There is no folder .*missing for out\.csv"):
        check_table_name(tmp_path / "missing" / "out.csv")
