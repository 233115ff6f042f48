"""``python -m tests.chaos [--mails 500] [--seed N]``: the full run, see ``make chaos``."""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.run import run
from tests.e2e.ports import free_ports


def main() -> int:
    """Run and report; exit code 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--mails", type=int, default=500)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    began = time.monotonic()
    print(f"chaos: seed {seed}, {options.mails} mails; repeat with make chaos SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mailroom-chaos-", ignore_cleanup_errors=True) as folder:
        aws_port, smtp_port = free_ports(2)
        say = lambda text: print(f"chaos: {time.monotonic() - began:4.0f} s: {text}", flush=True)  # noqa: E731
        report = run(Path(folder), (aws_port, smtp_port), seed, options.mails, say)
    for text in report.wrong:
        print(f"chaos: WRONG {text}")
    print(f"chaos: {report}")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
