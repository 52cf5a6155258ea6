"""Prints what the Python client says of the protocol and of itself, as JSON, for the tests to compare."""

import inspect
import json
import typing

import captcha_remote
from captcha_remote import AsyncClient, Client, _core, _feed, types

SHAPES = (
    *("CreateSession", "CdpTarget", "Completion", "SessionAnswer", "SessionStatus", "SessionResult"),
    *("SessionListItem", "LinkAnswer", "TicketAnswer", "CaptchaInfo", "Evidence"),
)


def methods(client):
    return {
        name: sorted(set(inspect.signature(method).parameters) - {"self", "signal"})
        for name, method in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }


def is_later(client):
    found = inspect.getmembers(client, inspect.isfunction)
    return sorted(name for name, method in found if inspect.iscoroutinefunction(method))


print(
    json.dumps(
        {
            "version": captcha_remote.__version__,
            "codes": typing.get_args(types.ErrorCode),
            "states": typing.get_args(types.SessionState),
            "living": _core.LIVING,
            "codeResults": typing.get_args(types.CodeResult),
            "shapes": {name: sorted(typing.get_type_hints(getattr(types, name))) for name in SHAPES},
            "rules": sorted(
                sorted(typing.get_type_hints(rule)) for rule in typing.get_args(types.Rule)
            ),
            "feedRules": {
                name: [rule.first * 1000, rule.longest * 1000, rule.tries if rule.tries < 1e9 else None, rule.at_once]
                for name, rule in _feed.RULES.items()
            },
            "methods": methods(Client),
            "asyncMethods": methods(AsyncClient),
            "later": is_later(AsyncClient),
        }
    )
)
