import pytest

from contracts.errors import SettingsError, WorkspaceError
from serving.tenants import Tenants
from testkit.stored import make_workspace


def test_a_workspace_cannot_be_served_twice(tmp_path):
    workspace = make_workspace(tmp_path / "shop")
    with pytest.raises(SettingsError, match="Two workspaces share one store"):
        Tenants().open([workspace.root, workspace.root / "."])


def test_workspaces_of_one_database_need_names_of_their_own(tmp_path):
    url = "postgresql://nobody@127.0.0.1:1/none"
    folders = [make_workspace(tmp_path / name, name="shop", url=url).root for name in ("a", "b")]
    with pytest.raises(SettingsError, match="different names"):
        Tenants().open(folders)


def test_a_folder_without_settings_is_no_workspace(tmp_path):
    with pytest.raises(WorkspaceError, match="fedele init"):
        Tenants().open([tmp_path])


@pytest.mark.postgres
def test_two_workspaces_of_one_database_see_only_their_own_scores(tmp_path, postgres_url, write):
    names = (f"{tmp_path.name}-a", f"{tmp_path.name}-b")
    folders = [make_workspace(tmp_path / name, name=name, url=postgres_url).root for name in names]
    tenants = Tenants()
    tenants.open(folders)
    first, second = tenants
    write(first.store)
    assert first.store.current() is not None
    assert second.store.current() is None
    tenants.close()
