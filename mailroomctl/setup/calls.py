"""Questions to AWS with the caller's credentials. One that is denied is noted, and the others go on."""

from collections.abc import Callable, Collection
from typing import Any

from mailroomctl.errors import CommandError

#: The error codes of a call that the caller has no permission for.
DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
_INVALID = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)


class Calls:
    """Asks, and remembers the permissions that were missing, each with what stays unknown without it."""

    def __init__(self) -> None:
        """Start with nothing denied."""
        self.denied: dict[str, str] = {}

    def ask(
        self,
        permission: str,
        unknown: str,
        call: Callable[..., Any],
        *,
        absent: Collection[str] = (),
        **request: Any,
    ) -> dict[str, Any] | None:
        """Return the answer, an empty one for the error codes ``absent``, or ``None`` when the call is denied.

        Raises ``CommandError`` when AWS does not take the credentials, and botocore's errors for everything else.
        """
        from botocore.exceptions import ClientError

        try:
            return dict(call(**request))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in absent:
                return {}
            if code in DENIED:
                self.denied[permission] = unknown
                return None
            if code in _INVALID:
                raise CommandError(
                    f"AWS does not take these credentials ({code}): sign in again, as for the AWS command line, or "
                    "enable the region for the account."
                ) from None
            raise

    def list(
        self, permission: str, unknown: str, client: Any, operation: str, key: str, **request: Any
    ) -> list[dict[str, Any]] | None:
        """Return what is under ``key`` in all pages of an answer, or ``None`` when the call is denied."""
        pages = client.get_paginator(operation).paginate

        def call(**request: Any) -> dict[str, Any]:
            return {key: [one for page in pages(**request) for one in page.get(key, [])]}

        answer = self.ask(permission, unknown, call, **request)
        return None if answer is None else answer[key]
