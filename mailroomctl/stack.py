"""The deployed stack, found by its name: every table, bucket and workflow that a command needs."""

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mailroomctl.errors import CommandError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

DEFAULT_STACK_NAME = "mailroom"

_ANY_KEY = "embedded"  # the embedded AWS takes every key


class Stack:
    """A CloudFormation stack and clients for what is in it; nothing is asked before it is needed.

    ``region``, ``profile`` and ``endpoint_url`` mean what they mean to the AWS command line. An endpoint on loopback is
    the embedded AWS: there a region and credentials are made up when there are none.
    """

    def __init__(
        self,
        name: str = DEFAULT_STACK_NAME,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
    ) -> None:
        """Remember the options."""
        self.name = name
        self._region = region
        self._profile = profile
        self._endpoint_url = endpoint_url
        self._making = Lock()

    @cached_property
    def session(self) -> "boto3.session.Session":
        """The boto3 session; raises ``CommandError`` when there is no region or there are no credentials."""
        import boto3
        from botocore.exceptions import ProfileNotFound

        try:
            session = boto3.session.Session(profile_name=self._profile, region_name=self._region)
        except ProfileNotFound as error:
            raise CommandError(f"{error}. The profiles are in ~/.aws/config.") from None
        embedded = _is_loopback(self._endpoint_url)
        region = session.region_name or ("us-east-1" if embedded else None)
        if not region:
            raise CommandError("no region: give --region, or set AWS_REGION or the profile's region.")
        if session.get_credentials() is None:
            if not embedded:
                raise CommandError("no AWS credentials: give --profile, or sign in as for the AWS command line.")
            return boto3.session.Session(_ANY_KEY, _ANY_KEY, region_name=region)
        if session.region_name:
            return session
        return boto3.session.Session(profile_name=self._profile, region_name=region)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """A DynamoDB client."""
        return self._client("dynamodb")  # type: ignore[no-any-return]

    @cached_property
    def s3(self) -> "S3Client":
        """An S3 client."""
        return self._client("s3")  # type: ignore[no-any-return]

    @cached_property
    def sqs(self) -> "SQSClient":
        """An SQS client."""
        return self._client("sqs")  # type: ignore[no-any-return]

    @cached_property
    def cloudwatch(self) -> Any:
        """A CloudWatch client."""
        return self._client("cloudwatch")

    @cached_property
    def logs(self) -> Any:
        """A CloudWatch Logs client."""
        return self._client("logs")

    @cached_property
    def pipes(self) -> Any:
        """An EventBridge Pipes client."""
        return self._client("pipes")

    @cached_property
    def stepfunctions(self) -> "SFNClient":
        """A Step Functions client that waits for a whole synchronous execution, and does not start it twice."""
        # AWS answers synchronous starts at a host of its own, sync-states…; another endpoint has one host for all.
        return self._client(  # type: ignore[no-any-return]
            "stepfunctions",
            read_timeout=320,
            retries={"total_max_attempts": 1},
            inject_host_prefix=self._endpoint_url is None,
        )

    def client(self, service: str, **config: Any) -> Any:
        """A client of any service; ``config`` is botocore's, with ``region_name`` for another region."""
        return self._client(service, **config)

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded AWS."""
        return _is_loopback(self._endpoint_url)

    @property
    def region(self) -> str:
        """The region that is asked."""
        return str(self.session.region_name)

    @property
    def partition(self) -> str:
        """The partition of the region, as in ARNs."""
        return self.session.get_partition_for_region(self.region)

    @property
    def endpoint_url(self) -> str | None:
        """The endpoint that was asked for instead of AWS's own."""
        return self._endpoint_url

    @property
    def profile(self) -> str:
        """The profile that was asked for; empty for the usual one."""
        return self._profile or ""

    def output(self, name: str) -> str:
        """Return one output of the stack, or raise ``CommandError`` that says what is there instead."""
        if name not in self.outputs:
            raise CommandError(
                f"the stack {self.name} has no output {name}: it is not Mailroom's, or its deployment is not finished."
            )
        return self.outputs[name]

    def parameter(self, name: str, default: str) -> str:
        """Return the value of one of the stack's parameters, or ``default`` where it has none of that name."""
        return self.parameters.get(name) or default

    @property
    def outputs(self) -> dict[str, str]:
        """All outputs of the stack by name."""
        return {one["OutputKey"]: str(one["OutputValue"]) for one in self._description.get("Outputs", [])}

    @property
    def parameters(self) -> dict[str, str]:
        """The values of all parameters of the stack by name."""
        given = self._description.get("Parameters", [])
        return {one["ParameterKey"]: str(one.get("ParameterValue") or "") for one in given}

    @property
    def status(self) -> str:
        """What CloudFormation says of the last deployment."""
        return str(self._description.get("StackStatus", ""))

    @cached_property
    def _description(self) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        try:
            answer = self._client("cloudformation").describe_stacks(StackName=self.name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            answer = {"Stacks": []}
        if not answer["Stacks"]:
            where = self._endpoint_url or self.session.region_name
            raise CommandError(
                f"there is no stack {self.name} at {where}: give --stack-name, --region or --endpoint-url."
            )
        return dict(answer["Stacks"][0])

    def _client(self, service: str, **config: Any) -> Any:
        from botocore.config import Config

        session = self.session
        try:
            # A session makes clients for one thread at a time.
            with self._making:
                return session.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=self._endpoint_url,
                    config=Config(**config),
                )
        except ValueError as error:
            if not self._endpoint_url:
                raise
            raise CommandError(f"{error}: write --endpoint-url as http://HOST:PORT.") from None


def _is_loopback(endpoint_url: str | None) -> bool:
    host = urlsplit(endpoint_url or "").hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
