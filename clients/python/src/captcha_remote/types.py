"""The shapes on the wire, as docs/protocol/bots.md has them: what a bot sends is checked by the server."""

from typing import Any, Dict, List, Literal, Optional, TypedDict, Union


JsonObject = Dict[str, Any]

ErrorCode = Literal[
    "invalid_message",
    "unknown_type",
    "unauthorized",
    "forbidden",
    "not_found",
    "session_not_found",
    "link_not_found",
    "sound_not_found",
    "relay_not_found",
    "target_not_found",
    "session_exists",
    "not_ended",
    "already_reported",
    "not_in_control",
    "claimed",
    "target_ambiguous",
    "page_in_use",
    "window_gone",
    "question_gone",
    "session_ended",
    "page_closed",
    "payload_too_large",
    "file_not_accepted",
    "url_not_allowed",
    "rate_limited",
    "relay_replaced",
    "relay_violation",
    "lagging",
    "internal",
    "page_crashed",
    "browser_lost",
    "navigation_failed",
    "cdp_unreachable",
    "browser_unavailable",
    "capacity",
    "storage_unavailable",
    "shutting_down",
    "timeout",
    "server_unreachable",
    "sockets_blocked",
    "page_unresponsive",
    "page_not_visible",
    "cancelled_by_bot",
    "operator_gave_up",
    "rules_met",
    "operator_done",
    "rules_not_met",
    "confirm_needed",
]

SessionState = Literal["starting", "waiting", "active", "solved", "failed", "expired", "cancelled"]
"""The first three go on; any other is final."""

Verified = Optional[Literal["checked", "operator"]]
"""Who confirmed that it is solved: its rules, or the operator alone. None: not solved."""

CodeResult = Literal["solved", "rules_not_met", "unknown", "typed", "no_field"]


class Size(TypedDict):
    """CSS px."""

    width: int
    height: int


class CdpTarget(TypedDict, total=False):
    """A page of the bot's own browser. `endpoint` is needed."""

    endpoint: str
    target_id: str
    url_contains: str
    dialogs: Literal["bot", "operator"]
    windows: Literal["follow"]


class HttpCredentials(TypedDict):
    username: str
    password: str


class GoneRule(TypedDict, total=False):
    gone: str
    across: Literal["any"]
    of: Literal["any"]


class VisibleRule(TypedDict, total=False):
    visible: str
    of: Literal["any"]


class ValueRule(TypedDict, total=False):
    value: str
    of: Literal["any"]


class TextRule(TypedDict, total=False):
    text: str
    matches: str
    of: Literal["any"]


class UrlRule(TypedDict, total=False):
    url: str
    of: Literal["any"]


class CookieRule(TypedDict, total=False):
    cookie: str
    changed: Literal[True]
    domain: str


Rule = Union[GoneRule, VisibleRule, ValueRule, TextRule, UrlRule, CookieRule]


class Completion(TypedDict, total=False):
    any: List[Rule]
    all: List[Rule]
    stable_ms: int
    poll_ms: int
    operator_may_override: bool


class CreateSession(TypedDict, total=False):
    """The body of a creation: exactly one of `url`, `cdp` and `relay` is needed."""

    session_id: str
    url: str
    cdp: CdpTarget
    relay: str
    viewport: Size
    device: Literal["phone"]
    touch: bool
    locale: str
    timezone: str
    user_agent: str
    extra_headers: Dict[str, str]
    http_credentials: HttpCredentials
    storage_state: JsonObject
    label: str
    instructions: str
    metadata: JsonObject
    timeout_seconds: int
    completion: Completion
    on_crash: Literal["end", "reopen"]
    callback_url: str
    callback_secret: str
    files: bool
    clipboard: bool
    legacy_open: bool


class CaptchaInfo(TypedDict):
    """Position and size of the challenge in CSS px, and the selector that found it."""

    selector: str
    x: float
    y: float
    width: float
    height: float
    in_iframe: bool
    kind: str


class _AnswerAlways(TypedDict):
    session_id: str
    state: SessionState
    control_url: str
    ws_url: str
    status_url: str
    expires_at: str
    captcha_info: Optional[CaptchaInfo]
    viewport: Size


class SessionAnswer(_AnswerAlways, total=False):
    """
    `control_url` is the operator link: whoever has it may act in the session. `pictures`, of a relayed page: the
    challenge alone at full size, or the whole page at half size.
    """

    pictures: Literal["part", "half"]


class SessionStatus(TypedDict):
    """`state` is None for an unknown session."""

    success: bool
    completed: bool
    session_exists: bool
    session_id: str
    state: Optional[SessionState]
    reason: Optional[str]
    verified: Verified


class _EvidenceAlways(TypedDict):
    rule: str
    frame: Optional[str]
    since: str


class Evidence(_EvidenceAlways, total=False):
    """A rule that held: `rule` as JSON text, the frame that it held in, since when."""

    how: Literal["submitted", "by_itself"]
    cookie: Dict[str, str]


class Contradiction(TypedDict):
    rule: str
    frame: Optional[str]


class Report(TypedDict):
    correct: bool
    note: Optional[str]
    reported_at: str


class _ResultAlways(TypedDict):
    outcome: SessionState
    reason: str
    verified: Verified
    evidence: List[Evidence]
    contradicted_by: List[Contradiction]
    note: Optional[str]
    duration_ms: int
    has_storage_state: bool


class SessionResult(_ResultAlways, total=False):
    """How a session ended. `storage_state` is in Playwright's format: `browser.new_context(storage_state=...)`."""

    report: Report
    storage_state: JsonObject


class SessionListItem(TypedDict):
    session_id: str
    completed: bool
    has_websocket: bool
    state: SessionState
    reason: Optional[str]
    label: Optional[str]
    created_at: str
    expires_at: str
    ended_at: Optional[str]
    operators: int
    instructions: Optional[str]
    needs_person: bool
    challenge_kind: Optional[str]
    claimed_by: Optional[str]
    claimed_until: Optional[str]


class _LinkAlways(TypedDict):
    link_id: str
    url: str
    role: Literal["control", "watch"]
    expires_at: str


class LinkAnswer(_LinkAlways, total=False):
    """`qr` is there where it was asked for: a PNG as a data URL."""

    qr: str


class TicketAnswer(TypedDict):
    ticket: str
    expires_at: str
