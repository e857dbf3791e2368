"""What was computed from a text, kept under the text's SHA-256: embeddings and languages.

A folder holds segments that are written once, whole, and never changed: a killed run loses only what it had
not yet written. No file says who wrote a text.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contracts.atomic import sync_folder
from contracts.errors import StoreError

Keys = NDArray[np.void]
KEY = np.dtype("V32")
SUFFIX = ".part"


def hash_texts(texts: Sequence[str]) -> Keys:
    """Return the SHA-256 of each text (n,), 32 bytes each."""
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype=KEY)


class TextCache:
    """Rows of ``width`` values of ``dtype`` by the hashes of texts.

    They are kept in ``folder``, which is made when first needed; without one, as long as the cache lives.
    """

    def __init__(self, folder: Path | None, dtype: str, width: int) -> None:
        self.folder = folder
        self.dtype = np.dtype(dtype)
        self.width = width
        self._places: dict[bytes, int] | None = None
        self._rows: NDArray[np.generic] = np.empty((0, width), self.dtype)

    def find(self, keys: Keys) -> tuple[NDArray[np.bool_], NDArray[np.generic]]:
        """Return which of (n,) keys are known, and their rows (known, width), in the order asked.

        Raises:
            StoreError: a file of the folder is damaged or of another shape.
        """
        places = self._load()
        found = np.array([places.get(key.tobytes(), -1) for key in keys], dtype=np.int64)
        known = found >= 0
        return known, self._rows[found[known]]

    def add(self, keys: Keys, rows: NDArray[np.generic]) -> None:
        """Keep (n, width) rows under (n,) keys, on disk when this returns; what is known already stays."""
        places = self._load()
        new = [place for place, key in enumerate(keys) if key.tobytes() not in places]
        if not new:
            return
        fresh, values = keys[new], rows[new].astype(self.dtype)
        self._write(fresh, values)
        start = len(self._rows)
        self._rows = np.concatenate([self._rows, values])
        places.update((key.tobytes(), start + place) for place, key in enumerate(fresh))

    def prune(self, keep: Keys) -> int:
        """Remove everything but the rows of ``keep``, for good, and return how many went."""
        places = self._load()
        wanted = sorted({key.tobytes() for key in keep} & set(places))
        gone = len(places) - len(wanted)
        if gone:
            old = self._files()
            rows = self._rows[[places[name] for name in wanted]]
            written = self._write(np.frombuffer(b"".join(wanted), dtype=KEY), rows) if wanted else None
            for file in old:
                if file != written:
                    file.unlink()
            if self.folder is not None and old:
                sync_folder(self.folder)
            self._rows, self._places = rows, {name: place for place, name in enumerate(wanted)}
        return gone

    def _files(self) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob(f"*{SUFFIX}"))

    def _load(self) -> dict[bytes, int]:
        if self._places is None:
            parts = [self._read(file) for file in self._files()]
            self._rows = np.concatenate([self._rows[:0], *(rows for _, rows in parts)])
            names = [key.tobytes() for keys, _ in parts for key in keys]
            self._places = {name: place for place, name in enumerate(names)}
        return self._places

    def _read(self, file: Path) -> tuple[Keys, NDArray[np.generic]]:
        head, _, body = file.read_bytes().partition(b"\n")
        try:
            said = json.loads(head)
            count = int(said["rows"])
            whole = said["checksum"] == zlib.crc32(body)
            fits = (said["dtype"], said["width"]) == (self.dtype.str, self.width)
        except (ValueError, KeyError, TypeError):
            whole, fits, count = False, False, 0
        if not (whole and fits):
            raise StoreError(
                f"{file.name} in {file.parent.name} is damaged or of another shape: delete it, what it held "
                "is computed anew."
            )
        keys = np.frombuffer(body, KEY, count)
        rows = np.frombuffer(body, self.dtype, count * self.width, count * KEY.itemsize)
        return keys, rows.reshape(count, self.width)

    def _write(self, keys: Keys, rows: NDArray[np.generic]) -> Path | None:
        if self.folder is None:
            return None
        body = keys.tobytes() + np.ascontiguousarray(rows).tobytes()
        head = {
            "rows": len(keys),
            "dtype": self.dtype.str,
            "width": self.width,
            "checksum": zlib.crc32(body),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        # Named after what it holds: two writers of the same texts write the same file.
        file = self.folder / f"{hashlib.sha256(keys.tobytes()).hexdigest()[:32]}{SUFFIX}"
        aside = self.folder / f".{file.name}.{os.getpid()}.aside"
        with aside.open("wb") as stream:
            stream.write(json.dumps(head).encode() + b"\n" + body)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(file)
        sync_folder(self.folder)
        return file
