"""A mount namespace of its own for a program that mounts things."""

import subprocess
import sys
from pathlib import Path

from tests.left_out import left_out

REPOSITORY = Path(__file__).parents[2]


def run_in_namespace(*program: str) -> None:
    """Run Python with these arguments until it prints ``done``; skips where a machine forbids mount namespaces."""
    namespace = ["unshare", "--mount", "--map-root-user"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        namespace = ["unshare", "--mount"]
        if (refusal := subprocess.run([*namespace, "true"], capture_output=True, check=False)).returncode:
            left_out(f"no mount namespaces here: {refusal.stderr.decode()}")
    run = subprocess.run(
        [*namespace, sys.executable, *program], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert (run.stdout, run.stderr) == ("done\n", ""), run.stdout + run.stderr
