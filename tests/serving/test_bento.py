"""A Bento holds the service and the champion, and neither the key nor anything that trains."""

import re
import tarfile

import pytest

from contracts.atomic import write_folder
from contracts.errors import BundleRefused, WorkspaceError
from contracts.workspace import open_workspace
from serving.bento import REQUIREMENTS, build_bento, stage_source
from testkit.mutants import build_genuine
from testkit.stored import make_workspace
from training.bundle import make_key, point_champion

TRAINS = {"mlflow", "mlflow-skinny", "shap", "pyspark", "lifetimes", "matplotlib", "empulse", "optuna"}


@pytest.fixture
def workspace(tmp_path):
    made = make_workspace(tmp_path / "shop")
    write_folder(made.models / "3", build_genuine(make_key(made)))
    point_champion(made, "3")
    return made


def test_what_goes_in_is_the_service_the_champion_and_no_secret(workspace, tmp_path):
    stage_source(workspace, "3", tmp_path / "source")
    inside = {file.relative_to(tmp_path / "source").as_posix() for file in (tmp_path / "source").rglob("*")}
    assert {"serving/service.py", "workspace/models/3/manifest.sig", "workspace/models/champion"} <= inside
    assert not [name for name in inside if name.endswith((".key", ".db", ".jsonl", ".pyc"))]
    assert open_workspace(tmp_path / "source" / "workspace").settings.workspace.name == "shop"


def test_the_environment_of_the_service_holds_nothing_that_trains():
    text = REQUIREMENTS.read_text(encoding="utf-8")
    names = set(re.findall(r"^([a-z0-9._-]+)==", text, flags=re.MULTILINE))
    assert {"bentoml", "duckdb", "lightgbm", "sqlalchemy", "argon2-cffi"} <= names
    assert names & TRAINS == set()
    assert text.count("--hash=sha256:") >= len(names)


def test_a_bento_is_built_by_bentoml_itself(workspace, tmp_path):
    built = build_bento(workspace, tmp_path / "fedele.bento")
    assert built.version == "3"
    with tarfile.open(built.file) as archive:
        names = archive.getnames()
    assert any(name.endswith("src/workspace/models/3/churn.lgb.txt") for name in names)
    assert any(name.endswith("src/serving/service.py") for name in names)
    assert not any(name.endswith("bundle.key") for name in names)
    with pytest.raises(WorkspaceError, match=r"fedele\.bento exists"):
        build_bento(workspace, tmp_path / "fedele.bento")


def test_an_altered_champion_goes_into_no_bento(workspace, tmp_path):
    (workspace.models / "3" / "beta_geo.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BundleRefused, match="has 2 bytes"):
        build_bento(workspace, tmp_path / "fedele.bento")


def test_without_a_champion_the_next_step_is_named(tmp_path):
    with pytest.raises(WorkspaceError, match="run `fedele train`"):
        build_bento(make_workspace(tmp_path / "shop"), tmp_path / "fedele.bento")
