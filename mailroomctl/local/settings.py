"""Where the embedded AWS runs: what ``up`` was given, kept in the state folder for every other command and process."""

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict

from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

if TYPE_CHECKING:
    from botocore.loaders import Loader

#: Accepted by the emulator, worthless anywhere else; nothing here ever reads the user's own credentials.
ACCESS_KEY = SECRET_KEY = "test"  # noqa: S105

#: The modules that the extra ``console`` brings.
CONSOLE_PACKAGES = ("jinja2", "python_multipart", "starlette", "uvicorn")


class Settings(BaseModel):
    """One embedded AWS.

    Attributes:
        state: folder that holds everything it keeps; two at once need two folders and other ports.
        aws_port: port of the AWS endpoint on 127.0.0.1.
        smtp_port: port of the SMTP server on 127.0.0.1.
        console_port: port of the console on 127.0.0.1; None is no console.
        bind: one more address for the AWS endpoint, so that containers reach it; None is loopback only.
        region: AWS region of everything.
        stack_name: CloudFormation stack that the template becomes.
        redelivery: seconds until a failed message comes back; None leaves it to the queue's visibility timeout.
        parameters: more template parameters.
    """

    model_config = ConfigDict(frozen=True)

    state: Path
    aws_port: int = 4566
    smtp_port: int = 2525
    console_port: int | None = None
    bind: str | None = None
    region: str = "us-east-1"
    stack_name: str = "mailroom-local"
    redelivery: int | None = None
    parameters: dict[str, str] = {}

    @property
    def endpoint(self) -> str:
        """URL of the AWS endpoint, as seen from this machine."""
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def mail_root(self) -> Path:
        """Folder that stands for the EFS file system."""
        return self.state / "mail"

    @property
    def log_folder(self) -> Path:
        """Folder with one log per part."""
        return self.state / "log"

    @property
    def run_folder(self) -> Path:
        """Folder with the pid files and the emulator's temporary files; removed by ``down``."""
        return self.state / "run"

    @property
    def console_address(self) -> Path:
        """File with the address that opens the console once; whoever may read it gets in."""
        return self.run_folder / "console.address"

    def save(self) -> None:
        """Keep these settings for the other commands and processes."""
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / "local.json").write_text(self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, state: Path) -> Self:
        """Read what the last ``up`` was given.

        Raises:
            CommandError: ``up`` has never run with this state folder.
        """
        try:
            return cls.model_validate_json((state.absolute() / "local.json").read_text())
        except FileNotFoundError:
            raise CommandError(
                f"nothing runs with state folder {state}; start it with `mailroomctl local up`"
            ) from None
        except ValueError as error:
            raise CommandError(f"{state / 'local.json'} is damaged ({error}); delete it") from None

    def environment(self) -> dict[str, str]:
        """The environment of the child processes: this one's, less everything that leads to a real AWS account."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
        return kept | {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.endpoint,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "SAM_CLI_TELEMETRY": "0",
        }

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of the embedded AWS, whatever profile and credentials the user has set."""
        import boto3
        import botocore.session
        from botocore.config import Config

        nothing: tuple[None, None, None, None] = (None, None, None, None)
        devnull = (None, None, os.devnull, None)
        botocore_session = botocore.session.Session(
            session_vars={"profile": nothing, "config_file": devnull, "credentials_file": devnull}
        )
        botocore_session.register_component("data_loader", _models())
        session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=self.region, botocore_session=botocore_session)
        usual = Config(
            # A refused connection shows at once; the embedded AWS is never "briefly unavailable".
            retries={"total_max_attempts": 1},
            # "sync-127.0.0.1" and the like do not resolve.
            inject_host_prefix=False,
            s3={"addressing_style": "path"},
            proxies={},
            max_pool_connections=50,
        )
        return session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            config=usual.merge(Config(**config)),
        )

    def stack(self) -> Stack:
        """The stack that the template has become, with clients that never reach a real AWS account."""
        return _LocalStack(self)


@functools.cache
def _models() -> "Loader":
    """What botocore knows of the services; reading it takes most of the time of making a client."""
    from botocore.loaders import Loader

    return Loader()


class _LocalStack(Stack):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.stack_name, region=settings.region, endpoint_url=settings.endpoint)
        self._settings = settings

    def _client(self, service: str, **config: Any) -> Any:
        return self._settings.client(service, **config)
