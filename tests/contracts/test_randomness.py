"""A stream of random numbers is named by its seed and path, and by nothing else."""

import numpy as np
import pytest

from contracts.randomness import generator


def draws(*name):
    return generator(*name).random(5)


def test_equal_names_give_equal_streams_in_any_order_of_use():
    first = draws(7, "orders", 3)
    draws(7, "tickets")
    np.testing.assert_array_equal(draws(7, "orders", 3), first)


@pytest.mark.parametrize("other", [(8, "orders"), (7, "tickets"), (7, "orders", 1), (7,)])
def test_another_seed_or_path_gives_another_stream(other):
    assert not np.array_equal(draws(7, "orders"), draws(*other))


def test_drawing_leaves_the_global_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - to see that nobody touched it
    draws(1, "orders")
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_stream_is_the_same_on_every_machine():
    assert generator(7, "orders").integers(0, 1000, 5).tolist() == [253, 211, 218, 654, 571]
