"""A person clears the challenge that stopped your bot: one call, one link, back to work. docs/python.md has all of it."""

from . import types
from ._abort import Abort, Aborted
from ._async_client import AsyncClient
from ._client import Client
from ._errors import CaptchaRemoteError
from ._feed import AsyncEventFeed, EventFeed, FeedEvent
from ._guard import Guard, guard
from ._version import VERSION as __version__
from ._webhook import WebhookError, verify_webhook

__all__ = [
    "Abort",
    "Aborted",
    "AsyncClient",
    "AsyncEventFeed",
    "CaptchaRemoteError",
    "Client",
    "EventFeed",
    "FeedEvent",
    "Guard",
    "WebhookError",
    "__version__",
    "guard",
    "types",
    "verify_webhook",
]
