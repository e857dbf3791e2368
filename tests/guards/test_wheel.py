"""The wheel holds our packages whole and nothing else, and works where only it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from testkit.tree import PACKAGES, ROOT, find_files

pytestmark = pytest.mark.xdist_group("wheel")  # one process builds it, once

BESIDE = ("pyproject.toml", "README.md", "LICENSE")


def call(*command, cwd, **environment):
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    child = subprocess.run(
        command,
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert child.returncode == 0, child.stdout + child.stderr
    return child.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy: the checkout stays clean, and mlflow/ and tests/ tempt the builder."""
    place = tmp_path_factory.mktemp("wheel")
    files = [file for name in (*PACKAGES, "mlflow", "tests") for file in find_files(ROOT / name)]
    for file in [*files, *(ROOT / name for name in BESIDE)]:
        copy = place / "source" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(place))
    call(sys.executable, "-m", "pip", "wheel", *options, str(place / "source"), cwd=place)
    (built,) = place.glob("fedele-*.whl")
    return built


@pytest.fixture(scope="module")
def members(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_holds_only_our_five_packages(members):
    assert {name.split("/")[0] for name in members if ".dist-info/" not in name} == set(PACKAGES)


def test_the_wheel_holds_every_module_and_every_data_file_of_them(members):
    ours = {file.relative_to(ROOT).as_posix() for package in PACKAGES for file in find_files(ROOT / package)}
    assert ours - members == set()


def test_the_wheel_carries_the_licence(members):
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in members)


def test_the_command_works_where_only_the_wheel_is_installed(wheel, tmp_path):
    environment = tmp_path / "environment"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(environment)
    python = environment / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = environment / "lib" / version / "site-packages"
    # Borrowing the libraries keeps the test offline. Our own editable install does not come along: what makes
    # it importable is a .pth file, and those count in a site folder only.
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "libraries.pth").write_text("".join(f"{each}\n" for each in sorted(libraries)), encoding="utf-8")
    options = ("--no-deps", "--no-index", "--ignore-installed", str(wheel))
    call(sys.executable, "-m", "pip", "--python", str(python), "install", *options, cwd=tmp_path)

    where = call(str(python), "-c", "import cli; print(cli.__file__)", cwd=tmp_path)
    assert where.startswith(str(site))
    assert "ingest" in call(str(environment / "bin" / "fedele"), "--help", cwd=tmp_path, COLUMNS="100")
