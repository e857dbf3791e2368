import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import StoreError
from features.text.cache import SUFFIX, TextCache, hash_texts
from testkit.tree import ROOT

TEXTS = st.lists(st.text(max_size=6), max_size=8, unique=True)


def open_cache(folder):
    return TextCache(folder, "<f2", 3)


def row_of(text):
    return np.array([len(text), sum(map(ord, text)) % 97, 0.5], dtype="<f2")


def rows_of(texts):
    return np.array([row_of(text) for text in texts], dtype="<f2").reshape(-1, 3)


@settings(max_examples=15)
@given(first=TEXTS, second=TEXTS, asked=TEXTS)
def test_what_was_added_is_found_again_in_the_order_asked_also_by_the_next_process(
    tmp_path_factory, first, second, asked
):
    folder = tmp_path_factory.mktemp("cache")
    for batch in (first, second):
        open_cache(folder).add(hash_texts(batch), rows_of(batch))
    known, rows = open_cache(folder).find(hash_texts(asked))
    held = [text for text in asked if text in {*first, *second}]
    assert known.tolist() == [text in {*first, *second} for text in asked]
    assert rows.tolist() == rows_of(held).tolist()


def test_a_text_known_already_is_not_written_again(tmp_path):
    cache = open_cache(tmp_path)
    cache.add(hash_texts(["a", "b"]), rows_of(["a", "b"]))
    cache.add(hash_texts(["b", "a"]), rows_of(["x", "y"]))
    assert len(list(tmp_path.iterdir())) == 1
    assert cache.find(hash_texts(["b"]))[1].tolist() == rows_of(["b"]).tolist()


@settings(max_examples=12)
@given(kept=st.sets(st.sampled_from("abcdef")))
def test_after_pruning_only_what_is_kept_is_left_on_disk(tmp_path_factory, kept):
    folder = tmp_path_factory.mktemp("cache")
    cache = open_cache(folder)
    for batch in ("abc", "def"):
        cache.add(hash_texts(batch), rows_of(batch))
    assert cache.prune(hash_texts([*sorted(kept), "never seen"])) == 6 - len(kept)
    for reader in (cache, open_cache(folder)):
        known, rows = reader.find(hash_texts("abcdef"))
        assert known.tolist() == [letter in kept for letter in "abcdef"]
        assert rows.tolist() == rows_of([letter for letter in "abcdef" if letter in kept]).tolist()
    gone = [
        key.tobytes()
        for letter, key in zip("abcdef", hash_texts("abcdef"), strict=True)
        if letter not in kept
    ]
    everything = b"".join(file.read_bytes() for file in folder.iterdir())
    assert not any(key in everything for key in gone)


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data.replace(b'"rows"', b'"rats"'),
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, harm):
    open_cache(tmp_path).add(hash_texts(["a"]), rows_of(["a"]))
    (file,) = tmp_path.glob(f"*{SUFFIX}")
    file.write_bytes(harm(file.read_bytes()))
    with pytest.raises(StoreError, match="is damaged or of another shape: delete it"):
        open_cache(tmp_path).find(hash_texts(["a"]))


def test_a_file_of_another_width_is_refused_rather_than_misread(tmp_path):
    open_cache(tmp_path).add(hash_texts(["a"]), rows_of(["a"]))
    with pytest.raises(StoreError, match="another shape"):
        TextCache(tmp_path, "<f2", 4).find(hash_texts(["a"]))


def test_a_writer_killed_in_the_middle_leaves_nothing_that_is_read(tmp_path):
    program = """
import os, signal, sys
from pathlib import Path

import numpy as np

from features.text.cache import TextCache, hash_texts

cache = TextCache(Path(sys.argv[1]), "<f2", 3)
cache.add(hash_texts(["a"]), np.ones((1, 3)))
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
cache.add(hash_texts(["b"]), np.ones((1, 3)))
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert child.returncode == -9, child.stderr
    assert open_cache(tmp_path).find(hash_texts(["a", "b"]))[0].tolist() == [True, False]


def test_no_file_holds_a_word_of_a_text(tmp_path):
    open_cache(tmp_path).add(hash_texts(["Anna Rossi is angry"]), np.ones((1, 3)))
    everything = b"".join(file.read_bytes() + file.name.encode() for file in tmp_path.iterdir())
    assert b"Anna" not in everything


def test_without_a_folder_it_remembers_while_it_lives_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = TextCache(None, "<f2", 3)
    cache.add(hash_texts("abc"), rows_of("abc"))
    assert cache.prune(hash_texts("ab")) == 1
    assert cache.find(hash_texts("cb"))[0].tolist() == [False, True]
    assert list(tmp_path.iterdir()) == []
