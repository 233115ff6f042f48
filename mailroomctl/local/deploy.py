"""``sam build`` and ``sam deploy`` of the one template onto the embedded AWS."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from mailroomctl.errors import CommandError
from mailroomctl.local.settings import Settings

#: The project that is deployed: the checkout that this package is part of.
PROJECT = Path(__file__).resolve().parents[2]
ARTIFACTS_BUCKET = "mailroom-local-artifacts"
#: What decides whether a build is still good, beside the versions of sam and Python.
_INPUTS = ("template.yaml", "functions", "layers", "statemachine")


def deploy(settings: Settings, project: Path = PROJECT) -> None:
    """Deploy what was built.

    Raises:
        CommandError: the template has no such parameter, or sam failed; the text holds the line that says most and
            names the log.
    """
    _check_parameters(settings.parameters, project)
    settings.client("s3").create_bucket(Bucket=ARTIFACTS_BUCKET)
    parameters = {"MailRoot": str(settings.mail_root)} | settings.parameters
    quoted = [f'ParameterKey={name},ParameterValue="{_escaped(value)}"' for name, value in parameters.items()]
    arguments = ["--template-file", str(project / ".aws-sam/build/template.yaml"), "--stack-name", settings.stack_name]
    arguments += ["--s3-bucket", ARTIFACTS_BUCKET, "--s3-prefix", settings.stack_name, "--region", settings.region]
    arguments += ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "--no-confirm-changeset"]
    arguments += ["--no-fail-on-empty-changeset", "--no-progressbar", "--parameter-overrides", *quoted]
    _sam(settings, project, "deploy", arguments)


def build(settings: Settings, project: Path = PROJECT) -> None:
    """Run ``sam build``, unless what it would build is what is there.

    Raises:
        CommandError: sam failed, or there is no Python 3.13 to build with.
    """
    if not (project / "template.yaml").is_file():
        raise CommandError(f"no template.yaml in {project}: `mailroomctl local` needs a checkout of Mailroom")
    for program in ("python3.13", "make"):
        if not shutil.which(program, path=_path()):
            raise CommandError(f"{program} is not on the PATH; sam builds the functions with it")
    folder = project / ".aws-sam"
    folder.mkdir(exist_ok=True)
    stamp, built = folder / "built-from", folder / "build" / "template.yaml"
    with _locked(folder / "build.lock"):
        inputs = _fingerprint(project)
        # The time tells whether somebody else has built since, from whatever inputs.
        if stamp.is_file() and built.is_file() and stamp.read_text() == f"{inputs} {built.stat().st_mtime_ns}":
            return
        stamp.unlink(missing_ok=True)
        _sam(settings, project, "build", ["--template-file", str(project / "template.yaml"), "--cached", "--parallel"])
        stamp.write_text(f"{inputs} {built.stat().st_mtime_ns}")


def _check_parameters(given: dict[str, str], project: Path) -> None:
    """Refuse a parameter that the template does not have: CloudFormation would, the embedded AWS does not."""
    if not given:
        return
    from samcli.yamlhelper import yaml_parse  # type: ignore[import-untyped]

    template = yaml_parse((project / "template.yaml").read_text())
    if unknown := sorted(given.keys() - template["Parameters"].keys()):
        raise CommandError(f"--parameter {unknown[0]}: template.yaml has no such parameter")


def _path() -> str:
    """Where sam finds python3.13 and make: this environment first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _sam(settings: Settings, project: Path, command: str, arguments: list[str]) -> None:
    """Run sam with its output in ``log/sam-<command>.log``."""
    settings.log_folder.mkdir(parents=True, exist_ok=True)
    # The project's own samconfig.toml is for deployments to AWS.
    config = settings.state / "samconfig.toml"
    config.write_text("version = 0.1\n")
    log = settings.log_folder / f"sam-{command}.log"
    environment = settings.environment() | {"PATH": _path(), "SAM_CLI_POLL_DELAY": "0.2"}
    with log.open("wb") as output:
        process = subprocess.run(
            [sys.executable, "-m", "samcli", command, "--config-file", str(config), *arguments],
            cwd=project,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            check=False,
        )
    if process.returncode:
        raise CommandError(f"sam {command} failed: {_reason(log.read_text(errors='replace'))} (see {log})")


def _reason(log: str) -> str:
    """The line of sam's output that says most: the first failed resource, else its error, else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    failed = [line for line in lines if re.match(r"(CREATE|UPDATE)_FAILED\b", line)]
    errors = [line for line in lines if "Error:" in line]
    return " ".join((failed or errors[-1:] or lines[-1:] or ["no output"])[0].split())


def _fingerprint(project: Path) -> str:
    digest = hashlib.sha256(f"{version('aws-sam-cli')} {sys.version}".encode())
    for name in _INPUTS:
        top = project / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(project)} {content}\n".encode())
    return digest.hexdigest()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two builds at once would write the same folder."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
