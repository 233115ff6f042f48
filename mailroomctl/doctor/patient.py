"""The stack that is looked at: what it consists of, and questions about it that say what they need."""

from collections.abc import Callable, Collection
from threading import Lock
from typing import Any

from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.setup.calls import Calls
from mailroomctl.setup.receiving import Receiving, Rule, look_at_rules
from mailroomctl.stack import Stack

STEPS = ("ValidateEvent", "ResolveMailboxes", "WriteMailbox")
"""The functions, by their names in the template."""


class DeniedError(Exception):
    """A permission is missing; the text is its name."""


class Patient:
    """A deployed stack. May be shared by threads; what several checks ask is asked once."""

    def __init__(self, stack: Stack) -> None:
        """Find the stack; raises ``CommandError`` when there is none."""
        self.stack = stack
        self.name = stack.name
        self.topic = stack.output("NotificationTopicArn")
        self.bucket = stack.output("MailBucketName")
        _, self.partition, _, self.region, self.account, _ = self.topic.split(":", 5)
        self.embedded = stack.embedded
        self._making = Lock()
        self._locks: dict[str, Lock] = {}
        self._known: dict[str, Any] = {}

    def parameter(self, name: str, default: str = "") -> str:
        """The value of a parameter of the stack."""
        return self.stack.parameter(name, default)

    def listed(self, name: str) -> list[str]:
        """The values of a parameter that is a list."""
        return [one.strip() for one in self.parameter(name).split(",") if one.strip()]

    def client(self, service: str) -> Any:
        """A client, made once."""
        return self.once(f"a client of {service}", lambda: self.stack.client(service))

    def ask(
        self, permission: str, call: Callable[..., Any], *, absent: Collection[str] = (), **request: Any
    ) -> dict[str, Any]:
        """Return the answer, an empty one for the error codes ``absent``; raises ``DeniedError``."""
        answer = Calls().ask(permission, "", call, absent=absent, **request)
        if answer is None:
            raise DeniedError(permission)
        return answer

    def pages(self, permission: str, client: Any, operation: str, key: str, **request: Any) -> list[dict[str, Any]]:
        """Return what is under ``key`` in all pages of an answer; raises ``DeniedError``."""
        answer = Calls().list(permission, "", client, operation, key, **request)
        if answer is None:
            raise DeniedError(permission)
        return answer

    def resource(self, name: str) -> str:
        """The name, URL or ARN of what the template calls ``name``; empty when the stack has none."""
        return str(self.resources.get(name, {}).get("PhysicalResourceId", ""))

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """All resources of the stack by their names in the template."""

        def look() -> dict[str, dict[str, Any]]:
            found = self.pages(
                "cloudformation:ListStackResources",
                self.client("cloudformation"),
                "list_stack_resources",
                "StackResourceSummaries",
                StackName=self.name,
            )
            return {one["LogicalResourceId"]: one for one in found}

        return self.once("resources", look)

    @property
    def receiving(self) -> Receiving:
        """The active rule set."""

        def look() -> Receiving:
            calls = Calls()
            found = look_at_rules(self.stack, calls)
            if found.possible is None:
                raise DeniedError(next(iter(calls.denied)))
            return found

        return self.once("receiving", look)

    @property
    def rules(self) -> list[Rule]:
        """The rules of the active rule set that store mail in the stack's bucket."""
        return [rule for rule in self.receiving.rules if any(one.bucket == self.bucket for one in rule.stores)]

    @property
    def directory(self) -> list[Item]:
        """Every entry of the directory."""
        return self.once("directory", lambda: list(DirectoryTable(self.stack).scan()))

    def function(self, name: str) -> dict[str, Any]:
        """The configuration of a function, by its name in the template."""
        return self.once(
            name,
            lambda: self.ask(
                "lambda:GetFunctionConfiguration",
                self.client("lambda").get_function_configuration,
                FunctionName=self.resource(name),
            ),
        )

    def once[T](self, name: str, look: Callable[[], T]) -> T:
        """What ``look`` finds, which is asked by one thread; an error is nothing found."""
        with self._making:
            lock = self._locks.setdefault(name, Lock())
        with lock:
            if name not in self._known:
                self._known[name] = look()
            found: T = self._known[name]
            return found
