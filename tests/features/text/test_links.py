import pytest

from features.text.links import drop_links


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("see http://a.example/b and HTTPS://c.example", "see and"),
        ("www.shop.example is down", "is down"),
        ("great news http", "great news"),
        ("https://a.example", ""),
        ("the httpd of www and two  blanks", "the httpd of www and two  blanks"),
    ],
)
def test_links_are_left_out_and_a_text_without_one_stays_as_it_is(text, left):
    assert drop_links(text) == left
