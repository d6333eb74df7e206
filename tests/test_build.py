"""What `make build` makes and `make deploy` deploys. Needs the package index: run by `make audit`."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from ops.new_function import NewFunction
from sandbox.aws import Aws
from sandbox.template import parsed

pytestmark = pytest.mark.build

ROOT = Path(__file__).parent.parent
MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}
MAGIC_OF_3_13 = 3571
UNCHECKED_HASH = 1


def make(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=["x86_64", "arm64"])
def architecture(request: pytest.FixtureRequest) -> str:
    """An architecture for which the project was built just now; arm64 last, so that it stays."""
    shutil.rmtree(ROOT / ".aws-sam/build", ignore_errors=True)
    make("build", f"ARCH={request.param}")
    return str(request.param)


@pytest.fixture
def layer(architecture: str) -> Path:
    return ROOT / ".aws-sam/build/StorekeyLayer/python"


def test_the_template_names_the_architecture(architecture: str) -> None:
    template = parsed((ROOT / ".aws-sam/build/template.yaml").read_text())
    assert template["Globals"]["Function"]["Architectures"] == [architecture]
    layer = template["Resources"]["StorekeyLayer"]
    assert layer["Properties"]["CompatibleArchitectures"] == [architecture]
    for resource in template["Resources"].values():
        folder = resource.get("Properties", {}).get("CodeUri")
        assert folder is None or (ROOT / ".aws-sam/build" / folder / "app.py").is_file()


def test_the_layer_holds_what_ships_and_nothing_else(layer: Path) -> None:
    names = {path.name for path in layer.iterdir() if not path.name.endswith(".dist-info")} - {"__pycache__"}
    assert names == {
        "aws_lambda_powertools",
        "certifi",
        "charset_normalizer",
        "idna",
        "jmespath",
        "msgspec",
        "requests",
        "storekey",
        "typing_extensions.py",
        "urllib3",
    }
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())
    assert size < 20_000_000


def test_native_code_is_for_the_architecture_and_the_runtime(layer: Path, architecture: str) -> None:
    libraries = list(layer.rglob("*.so"))
    assert libraries
    for library in libraries:
        assert struct.unpack("<H", library.read_bytes()[18:20])[0] == MACHINES[architecture]
        assert "cpython-313" in library.name


def test_byte_code_is_the_runtimes_or_there_is_none_and_it_is_said(layer: Path) -> None:
    compiled = [path.read_bytes() for path in layer.rglob("*.pyc")]
    if not compiled:
        assert "no Python 3.13 here" in make("build")
        return
    assert {struct.unpack("<H", code[:2])[0] for code in compiled} == {MAGIC_OF_3_13}
    assert {struct.unpack("<I", code[4:8])[0] for code in compiled} == {UNCHECKED_HASH}
    assert all(b"/opt/python/" in code for code in compiled), "tracebacks name paths of the build"
    sources = len(list(layer.rglob("*.py")))
    assert len(compiled) == sources


def test_without_the_runtimes_python_the_build_says_so(tmp_path: Path) -> None:
    said = make("build", PYTHON_OF_RUNTIME="")
    assert "no Python 3.13 here: the layer holds no byte code" in said
    assert list((ROOT / ".aws-sam/build").rglob("StorekeyLayer/**/*.pyc")) == []


def test_the_readmes_deploy_reaches_cloudformation(aws: Aws) -> None:
    """Up to the change set; moto knows no SAM and could not carry it out."""
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName="aws-sam-cli-managed-default",  # moto forgets the tags when sam makes it itself
        Tags=[{"Key": "ManagedStackSource", "Value": "AwsSamCli"}],
        TemplateBody=json.dumps(
            {
                "Resources": {"SourceBucket": {"Type": "AWS::S3::Bucket"}},
                "Outputs": {"SourceBucket": {"Value": {"Ref": "SourceBucket"}}},
            }
        ),
    )
    commands = re.findall(r"^make deploy ARGS=\"(.*)\"$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(commands) == 1
    make(
        "deploy",
        f"ARGS={commands[0]} --no-execute-changeset",
        AWS_ENDPOINT_URL=aws.endpoint.replace("127.0.0.1", "localhost"),  # moto reads a bucket's name off any other
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
    )
    (change_set,) = cloudformation.list_change_sets(StackName="storekey")["Summaries"]
    found = cloudformation.describe_change_set(StackName="storekey", ChangeSetName=change_set["ChangeSetName"])
    given = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found["Parameters"]}
    assert (given["StoreName"], given["AlarmEmail"]) == ("retail", "ops@example.com")


def test_a_new_function_passes_checkov(tmp_path: Path) -> None:
    made = NewFunction("checked_by_checkov", "rate(1 hour)")
    (tmp_path / "template.yaml").write_text(made.inserted((ROOT / "template.yaml").read_text()))
    (recipe,) = re.findall(r"^\t@\$\(CHECKOV\)/(checkov .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    command = f"{ROOT}/.tools/checkov/bin/{recipe}"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Failed checks: 0" in done.stdout
