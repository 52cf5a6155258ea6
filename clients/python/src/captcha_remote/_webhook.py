"""Checks that a webhook comes from the server: its signature is that of Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any, List, Mapping, Optional, Union, cast

from .types import JsonObject

PREFIX = "whsec_"
# How far the sender's clock may be from this one, in s.
TOLERANCE = 5 * 60.0


class WebhookError(ValueError):
    """This is not what the server sent, or it was sent too long ago: answer 400."""


def verify_webhook(
    body: Union[bytes, str],
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = TOLERANCE,
    now: Optional[float] = None,
) -> JsonObject:
    """
    The event `{id, type, timestamp, data}` of a webhook. `body` as it came, before any parsing; the names in `headers`
    in whatever case; `secret` as in `callback_secret`. WebhookError: not signed with the secret, or more than
    `tolerance` seconds old (a repeat has a new time). ValueError: the secret is none. The same event may come more than
    once, with the same `id`. `now`: seconds since 1970, for tests.
    """
    key = _key_of(secret)
    payload = body.encode() if isinstance(body, str) else bytes(body)
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id = given["webhook-id"]
        timestamp = given["webhook-timestamp"]
        signatures = given["webhook-signature"]
    except KeyError as missing:
        raise WebhookError(f"The header {missing.args[0]} is missing.") from None
    if not (timestamp.isascii() and timestamp.isdecimal()):
        raise WebhookError("The header webhook-timestamp is no time.")
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance:
        raise WebhookError("It was sent too long ago, or one of the clocks is wrong.")
    signed = b".".join([message_id.encode(), timestamp.encode(), payload])
    expected = hmac.new(key, signed, hashlib.sha256).digest()
    if not any(hmac.compare_digest(expected, candidate) for candidate in _candidates(signatures)):
        raise WebhookError("It is not signed with this secret.")
    try:
        event: Any = json.loads(payload)
    except ValueError as cause:
        raise WebhookError("It is no JSON.") from cause
    if not isinstance(event, dict):
        raise WebhookError("It is no event.")
    return cast(JsonObject, event)


def _key_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret[len(PREFIX) :] if secret.startswith(PREFIX) else secret, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        # An empty key would accept what anybody signs.
        raise ValueError("secret: whsec_ and base64")
    return key


def _candidates(header: str) -> List[bytes]:
    """While a secret is replaced there may be several, with spaces between them."""
    found: List[bytes] = []
    for one in header.split(" "):
        version, _, text = one.partition(",")
        if version != "v1":
            continue
        try:
            found.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            continue
    return found
