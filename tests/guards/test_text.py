"""Text that is kept says nothing of the machine it was written on."""

import re

from testkit.tree import ROOT, find_files

TEXT = {
    "", ".cfg", ".css", ".csv", ".html", ".ini", ".ipynb", ".js", ".json", ".lock", ".mako", ".md",
    ".po", ".py", ".svg", ".toml", ".txt", ".yaml", ".yml",
}  # fmt: skip
# A path below one of these folders exists on one machine only.
FOLDERS = ("tmp", "work", "root", "home", "Users", "private", "opt")
MACHINE_PATH = re.compile(r"(?<![\w.:/~*-])/(?:" + "|".join(FOLDERS) + r")/")
INDEX_ADDRESS = re.compile("index" + "-url|find" + "-links|pypi" + r"\.org|/simple(?:/|\"|$)", re.MULTILINE)
SECRET = re.compile("BEGIN [A-Z ]*PRIVATE" + r" KEY|\bAKIA[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{36}\b")
HERE = "tests/guards/test_text.py"


def find_lines(pattern):
    """Return ``path:line`` of each line a pattern is found in, among the text files of the project."""
    found = []
    for file in find_files():
        path = file.relative_to(ROOT).as_posix()
        if file.suffix not in TEXT or path == HERE:
            continue
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        found += [f"{path}:{number}" for number, line in enumerate(lines, start=1) if pattern.search(line)]
    return found


def test_no_file_names_a_path_of_one_machine():
    assert find_lines(MACHINE_PATH) == []


def test_no_file_names_the_address_of_a_package_index():
    ours = ("Makefile:",)  # the target that compiles the lock says that no address goes into it
    assert [line for line in find_lines(INDEX_ADDRESS) if not line.startswith(ours)] == []


def test_no_file_holds_a_secret():
    assert find_lines(SECRET) == []


def test_the_lock_holds_names_versions_and_hashes_only():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "git+" not in text
    assert (
        re.search(
            r"^\s*-", re.sub(r"^\s*--hash=sha256:[0-9a-f]{64}", "", text, flags=re.MULTILINE), re.MULTILINE
        )
        is None
    )


def test_every_text_file_ends_with_a_line_end():
    texts = [file for file in find_files() if file.suffix in (".py", ".toml", ".md", ".html", ".css", ".js")]
    assert [
        file.relative_to(ROOT).as_posix() for file in texts if file.read_bytes()[-1:] not in (b"", b"\n")
    ] == []
