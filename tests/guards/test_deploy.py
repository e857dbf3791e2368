"""What is deployed is what the threat list asks for, as far as it can be read without an engine."""

import configparser
import re
import shutil
import subprocess

import pytest
import yaml

from testkit.tree import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*"))


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def kinds():
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "fedele.yaml").read_text(encoding="utf-8"))
    return {each["kind"]: each for each in documents}


def test_only_the_proxy_of_the_compose_can_be_reached_from_outside(compose):
    published = {name for name, each in compose["services"].items() if "ports" in each}
    assert published == {"proxy"}
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["proxy"]["ports"])
    assert compose["networks"]["inside"]["internal"] is True
    outside = {name for name, each in compose["services"].items() if "outside" in each["networks"]}
    assert outside == {"proxy"}


def test_every_container_of_the_compose_is_confined(compose):
    for name, each in compose["services"].items():
        assert each["read_only"] is True, name
        assert each["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in each["security_opt"], name


def test_the_tracking_server_names_its_hosts_and_runs_no_jobs(compose):
    server = compose["services"]["mlflow"]
    assert "--allowed-hosts=mlflow:5000,localhost:5000" in server["command"]
    assert any(part.startswith("--backend-store-uri=sqlite:") for part in server["command"])
    assert server["environment"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert server["environment"]["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert "mlflow" not in compose["services"]["fedele"]["depends_on"]


def test_no_secret_stands_in_a_deployment_file():
    text = "\n".join(file.read_text(encoding="utf-8") for file in DEPLOY.rglob("*") if file.is_file())
    assert re.findall(r"(?i)password[\"']?\s*[:=]\s*[\"']?(?!.*(_FILE|file:))[a-z0-9]{6,}", text) == []
    assert "://fedele:" not in text


def test_the_images_install_by_hash_run_without_rights_and_stop_gently():
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.txt" in text
    assert "COPY serving/requirements.txt" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert '--workers", "1"' in text
    (port,) = re.findall(r"FEDELE_SERVE__PROBE_PORT=(\d+)", text)
    assert f"127.0.0.1:{port}/livez" in text
    assert f"health_port {port}" in (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    training = (DEPLOY / "Dockerfile.training").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in training
    for source in re.findall(r"^COPY (?!--from)([^ ]+)", text + "\n" + training, re.MULTILINE):
        assert (ROOT / source).exists(), source


def test_the_pods_are_confined_probed_and_drained(kinds):
    pod = kinds["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "probes"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "probes"}
    ports = {each["name"]: str(each["containerPort"]) for each in container["ports"]}
    told = {each["name"]: each.get("value") for each in container["env"]}
    assert told["FEDELE_SERVE__PROBE_PORT"] == ports["probes"]
    assert "preStop" in container["lifecycle"]
    # 8 seconds before SIGTERM and 20 to finish, with some to spare.
    assert pod["terminationGracePeriodSeconds"] >= 8 + 20 + 5
    assert kinds["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    mounted = {each["name"] for each in container["volumeMounts"]}
    assert mounted == {each["name"] for each in pod["volumes"]}
    labels = kinds["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert kinds["Service"]["spec"]["selector"].items() <= labels.items()


def test_the_proxy_cuts_slow_and_large_requests_and_hides_figures():
    text = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert "read_header 5s" in text
    assert "max_size 10MB" in text
    assert "@inside path /metrics" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_reads_as_one_and_calls_commands_that_exist(unit):
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(unit, encoding="utf-8")
    assert "Unit" in parser
    if unit.suffix == ".timer":
        assert (unit.with_suffix(".service")).exists()
        return
    service = parser["Service"]
    assert service["User"] == "fedele"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    called = re.search(r"/usr/local/lib/fedele/bin/fedele ([a-z]+)", service["ExecStart"]).group(1)
    assert (ROOT / "cli" / f"{called}.py").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_itself_finds_no_fault_in_the_units():
    child = subprocess.run(
        ["systemd-analyze", "verify", *map(str, UNITS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    ours = [line for line in child.stderr.splitlines() if "fedele" in line and "not executable" not in line]
    assert [line for line in ours if "No such file" not in line and "man " not in line] == []
