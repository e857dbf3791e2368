from hypothesis import given
from hypothesis import strategies as st

from features.text.sentences import LONG, WHOLE, split_sentences

LONG_TEXT = "The parcel was late. Nobody answered! Why? I do not know… " * 5


def test_a_short_comment_stays_whole_whatever_its_stops():
    assert split_sentences("Late. Rude! Never again?") == ["Late. Rude! Never again?"]


def test_a_long_text_is_parted_at_the_end_of_its_sentences():
    assert split_sentences(LONG_TEXT)[:4] == [
        "The parcel was late.", "Nobody answered!", "Why?", "I do not know…",
    ]  # fmt: skip


def test_abbreviations_and_prices_end_no_sentence():
    text = "Mr. Smith paid 12.50 to Dott. Rossi, e.g. for z.B. this. " * 5
    assert split_sentences(text)[0] == "Mr. Smith paid 12.50 to Dott. Rossi, e.g. for z.B. this."


def test_lines_and_full_width_stops_end_sentences():
    assert split_sentences("word " * 50 + "\nsecond line")[-1] == "second line"
    assert len(split_sentences("配送がとても遅かったです。" * 30)) == 30


def test_a_sentence_without_end_is_cut_so_that_no_piece_is_too_long():
    pieces = split_sentences("and then it broke, " * 100)
    assert max(map(len, pieces)) <= WHOLE
    assert all(piece.endswith(",") for piece in pieces)


@given(st.text(min_size=LONG + 1, max_size=900) | st.text(" .a,\n!?", min_size=LONG + 1, max_size=900))
def test_nothing_but_blanks_is_lost_and_no_piece_is_empty(text):
    pieces = split_sentences(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(pieces)
