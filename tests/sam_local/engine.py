"""The container engine that runs the functions: the one of DOCKER_HOST, else the one that the docker command would use.

``python -m tests.sam_local.engine`` says in one line what is missing when there is none.
"""

import os
import subprocess
import sys

import docker
from docker.errors import DockerException


class NoEngineError(Exception):
    """No container engine answers; the text is the whole message."""


def connect() -> docker.DockerClient:
    """Connect to the engine, or raise ``NoEngineError`` that says where none answers and what to do."""
    where = address()
    try:
        client = docker.from_env(environment={**os.environ, "DOCKER_HOST": where})
        client.ping()
    except (DockerException, OSError, ValueError) as error:
        raise NoEngineError(
            f"no container engine answers at {where} ({_reason(error)}): start Docker, or set DOCKER_HOST, "
            'or on Debian, as root: eval "$(tools/lambda-containers up)"'
        ) from error
    return client


def address() -> str:
    """Return the engine's address as DOCKER_HOST has it, such as ``unix:///var/run/docker.sock``."""
    return os.environ.get("DOCKER_HOST") or _current_context() or "unix:///var/run/docker.sock"


def _current_context() -> str:
    """Docker Desktop and rootless Docker listen elsewhere; docker-py, which sam uses, does not look there."""
    command = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _reason(error: BaseException) -> str:
    """The operating system's reason, which docker-py buries; else what it says itself."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return " ".join(str(error).split())


if __name__ == "__main__":
    try:
        connect().close()
    except NoEngineError as error:
        sys.exit(f"sam-local: {error}")
