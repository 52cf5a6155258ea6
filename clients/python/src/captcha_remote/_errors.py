"""The error that the clients raise: a code of the server's table, and the facts about it."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, Mapping, Optional

from .types import JsonObject


class CaptchaRemoteError(Exception):
    """
    A request that was refused, failed or took too long. An aborted call raises the reason of its abort instead.

    `code`: one of `types.ErrorCode`; a newer server may send others. `status`: HTTP; None if no server has answered.
    `details`: the server's facts about the error, such as `field` and `why`. `retry_after`: how long the server asked
    the client to wait, in seconds.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: Optional[int] = None,
        details: Optional[JsonObject] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = details
        self.retry_after = retry_after

    def __reduce__(self) -> Any:
        return (_restore, (self.code, self.message, self.status, self.details, self.retry_after))


def _restore(
    code: str, message: str, status: Optional[int], details: Optional[JsonObject], retry_after: Optional[float]
) -> CaptchaRemoteError:
    return CaptchaRemoteError(code, message, status=status, details=details, retry_after=retry_after)


# The codes for answers that have none of the server's, such as a proxy's.
_CODE_BY_STATUS: Mapping[int, str] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    413: "payload_too_large",
    429: "rate_limited",
}


def error_of(status: int, retry_after: Optional[str], text: str) -> CaptchaRemoteError:
    """The error for an answer that is not 2xx. `retry_after` is the header, in s; `text` is the body."""
    seconds = _seconds_of(retry_after)
    wire = _wire_error(text)
    code = wire.get("code")
    if isinstance(code, str):
        message, details = wire.get("message"), wire.get("details")
        return CaptchaRemoteError(
            code,
            message if isinstance(message, str) else code,
            status=status,
            details=details if isinstance(details, dict) else None,
            retry_after=seconds,
        )
    fallback = "server_unreachable" if status >= 500 else _CODE_BY_STATUS.get(status, "invalid_message")
    message = f"The server's address answers with HTTP {status}."
    return CaptchaRemoteError(fallback, message, status=status, retry_after=seconds)


def is_transient(error: BaseException) -> bool:
    """Whether a retry may succeed: the server did not answer, failed (5xx), or limits the rate (429)."""
    if not isinstance(error, CaptchaRemoteError):
        return False
    return error.code == "server_unreachable" or error.status == 429 or (error.status or 0) >= 500


def is_worth_creating_again(error: BaseException) -> bool:
    """
    True for an unreachable server and for a 503 with Retry-After. After other refusals a retry fails too: a page that
    could not be opened cannot be opened a second later.
    """
    if not isinstance(error, CaptchaRemoteError):
        return False
    return error.code == "server_unreachable" or (error.status == 503 and error.retry_after is not None)


def _seconds_of(header: Optional[str]) -> Optional[float]:
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _wire_error(text: str) -> Dict[str, Any]:
    """The `error` of an answer's body; empty if the body has none."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}
