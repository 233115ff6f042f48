"""Start of each function's built artifact in a fresh process, against importing boto3 and making one client."""

import importlib.metadata
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.result import Result, ratio

ROOT = Path(__file__).parents[1]
ROUNDS = 15
# What Lambda's runtime brings: boto3 and what it needs.
RUNTIME = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
STEPS = {
    "cold_validate": ("validate_event", "ValidateEvent", 0.35),
    "cold_resolve": ("resolve_mailboxes", "ResolveMailboxes", 1.1),
    "cold_write": ("write_mailbox", "WriteMailbox", 1.1),
}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "POWERTOOLS_SERVICE_NAME": "benchmark",
    "POWERTOOLS_METRICS_NAMESPACE": "Mailroom",
    "MAIL_BUCKET": "mail",
    "MAIL_ROOT": "/mnt/mail",
    "DIRECTORY_TABLE": "directory",
    "LEASE_SECONDS": "370",
    "RECORD_RETENTION_DAYS": "400",
}


def run(folder: Path) -> list[Result]:
    """Three results. No process writes bytecode: what an artifact ships uncompiled is compiled every time."""
    runtime = folder / "runtime"
    _copy_runtime(runtime)
    _build(ROOT / "layers/mailroom", "MailroomLayer", folder / "layer")
    layer = folder / "layer/python"
    programs = {"boto3": ("import boto3; boto3.client('s3')", [runtime])}
    for name, (step, function, _) in STEPS.items():
        _build(ROOT / "functions" / step, function, folder / step)
        programs[name] = ("import app", [folder / step, layer, runtime])
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(-1, ROUNDS):
        for name, (code, path) in programs.items():
            spent = _start(code, path)
            if turn >= 0:  # the first round only fills the page cache
                seconds[name].append(spent)
    milliseconds = {name: round(statistics.median(times) * 1000) for name, times in seconds.items()}
    return [
        Result(
            name,
            f"start and import of {function} against import boto3 and one client",
            ratio(seconds[name], seconds["boto3"]),
            goal,
            at_least=False,
            measured={f"{function} ms": milliseconds[name], "boto3 ms": milliseconds["boto3"]},
        )
        for name, (_, function, goal) in STEPS.items()
    ]


def _start(code: str, path: list[Path]) -> float:
    """Seconds from exec to exit."""
    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, path))}
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-S", "-B", "-c", code], env=environment, check=True)
    return time.perf_counter() - begin


def _build(source: Path, logical_id: str, target: Path) -> None:
    """Build an artifact as `sam build` does, from a copy of the sources."""
    scratch = target.with_name(f"{target.name}-source")
    shutil.copytree(source, scratch)
    target.mkdir()
    environment = {**os.environ, "ARTIFACTS_DIR": str(target)}
    environment.pop("MAKEFLAGS", None)
    make = ["make", "--silent", f"build-{logical_id}"]
    built = subprocess.run(make, cwd=scratch, env=environment, check=False, capture_output=True, text=True)
    if built.returncode:
        raise RuntimeError(f"{logical_id} cannot be built:\n{built.stderr}")


def _copy_runtime(target: Path) -> None:
    """Copy the packages, and compile them: the harder baseline."""
    for name in RUNTIME:
        for file in importlib.metadata.distribution(name).files or []:
            if ".." not in file.parts and file.suffix != ".pyc":
                destination = target / file
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), destination)
    compile_all = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(target)]
    subprocess.run(compile_all, check=True)
