"""Text for people, made of the Cause that Step Functions records."""

import json


def plain_cause(cause: str) -> str:
    """Make text of a Cause: Lambda's is JSON with ``errorMessage``, a refused copy's is the list of outcomes.

    A failure as a whole is JSON with ``Error`` and mostly ``Cause``; of a timeout, there is nothing more to say.
    """
    try:
        content = json.loads(cause)
    except ValueError:
        return cause
    if isinstance(content, dict) and content.get("errorMessage"):
        return str(content["errorMessage"])
    if isinstance(content, dict) and "Error" in content:
        return plain_cause(str(content.get("Cause") or ""))
    if isinstance(content, list) and all(isinstance(one, dict) for one in content):
        parts = (f"{one.get('mailbox')}: {one.get('status')} {one.get('error') or ''}".strip() for one in content)
        return "; ".join(parts)
    return cause
