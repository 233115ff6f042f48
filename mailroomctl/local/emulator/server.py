"""The process that serves the AWS APIs: ministack's server, told to keep to itself.

``processes.start`` runs it with the state folder as its argument. ministack's own command listens on every interface
unless told otherwise, looks for a Docker daemon, opens a port for IoT and does not end on SIGTERM while a request runs;
hence the server is started here.
"""

import asyncio
import os
import signal
import sys
import tempfile
import urllib.request
from pathlib import Path

from mailroomctl.local import processes
from mailroomctl.local.emulator import (
    alarms,
    error_names,
    execution_log,
    kept_workers,
    pipe_api,
    queries,
    security_groups,
)
from mailroomctl.local.settings import Settings


def main(state: str) -> None:
    """Serve until SIGTERM, then end with every worker process."""
    settings = Settings.load(Path(state))
    _configure(settings)
    error_names.install()
    kept_workers.install()
    pipe_api.install()
    alarms.install()
    queries.install()
    execution_log.install()
    security_groups.install()
    asyncio.run(_serve(settings))
    _end_workers()
    # Threads that wait for a function or a long poll would hold the interpreter back.
    os._exit(0)


def _configure(settings: Settings) -> None:
    """Set what ministack reads from the environment when it is imported."""
    scratch = settings.run_folder / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(scratch)
    os.environ |= {
        "GATEWAY_PORT": str(settings.aws_port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": settings.region,
        "LAMBDA_EXECUTOR": "local",
        "PERSIST_STATE": "0",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",  # it would remove containers of another ministack
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),
        "S3_DATA_DIR": str(scratch / "s3"),
    }


async def _serve(settings: Settings) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app  # type: ignore[import-untyped]

    addresses = dict.fromkeys(["127.0.0.1", *([settings.bind] if settings.bind else [])])
    if "0.0.0.0" in addresses:  # noqa: S104 - what the user asked for
        addresses.pop("127.0.0.1")
    config = Config()
    config.bind = [f"{address}:{settings.aws_port}" for address in addresses]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.shutdown_timeout = 1.0
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async def stopped() -> None:
        await stop.wait()

    server = asyncio.create_task(serve(app, config, shutdown_trigger=stopped))
    while not server.done() and not await asyncio.to_thread(_answers, settings):
        await asyncio.sleep(0.05)
    processes.say_ready(settings, "aws")
    await server


def _answers(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"{settings.endpoint}/_ministack/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _end_workers() -> None:
    from ministack.core import lambda_runtime  # type: ignore[import-untyped]

    lambda_runtime.reset()


if __name__ == "__main__":
    main(sys.argv[1])
