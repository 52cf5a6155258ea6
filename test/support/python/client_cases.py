"""
Plays client-cases.json with both Python clients: python3 client_cases.py ORIGIN NOBODY CASES, where nobody listens at
NOBODY, and CASES is JSON. Prints {"CASE/CLIENT": what came of it}. All run at once, each in a thread or task.
"""

import asyncio
import json
import sys
import threading
import urllib.request

from captcha_remote import Abort, Aborted, AsyncClient, CaptchaRemoteError, Client

SYNC, ASYNC = 1, 2


class ListenerError(Exception):
    pass


def seconds(milliseconds):
    return None if milliseconds is None else milliseconds / 1000


def some(**values):
    return {name: value for name, value in values.items() if value is not None}


class Case:
    def __init__(self, origin, nobody, number, case, client):
        self.case = case
        self.given = case.get("with", {})
        self.place = f"{number}/{client}"
        self.arrived = f"{origin}/arrived/{self.place}/"
        options = case.get("client", {})
        base = nobody if options.get("nobody") else f"{origin}/{self.place}{options.get('path', '')}"
        maker = Client if client == SYNC else AsyncClient
        self.client = maker(base, options.get("apiKey", "k1"), **some(timeout=seconds(options.get("timeoutMs"))))
        self.told = {"states": [], "links": []}

    def call(self, extra, on_link):
        """Calls the method of the case; `extra` are arguments of this client's own."""
        given, client = self.given, self.client
        on_state = self.on_state if given.get("onState") else None
        key = some(idempotency_key=given.get("idempotencyKey"))
        times = some(timeout=seconds(given.get("timeoutMs")), unreachable=seconds(given.get("unreachableMs")))
        name = given.get("id", "")
        calls = {
            "solve": lambda: client.solve(given["body"], on_link, on_state=on_state, **key, **times, **extra),
            "create": lambda: client.create(
                given["body"], **key, **some(respond_async=given.get("respondAsync")), **extra
            ),
            "wait": lambda: client.wait(name, on_state=on_state, **times, **extra),
            "result": lambda: client.result(name, **extra),
            "report": lambda: client.report(name, given["correct"], given.get("note"), **extra),
            "answer": lambda: client.answer(
                name, given["text"], **key, **some(submit=given.get("submit")), **extra
            ),
            "extend": lambda: client.extend(name, given["seconds"], **extra),
            "cancel": lambda: client.cancel(name, **extra),
            "createLink": lambda: client.create_link(
                name,
                **some(role=given.get("role"), ttl_seconds=given.get("ttlSeconds"), qr=given.get("qr")),
                **extra,
            ),
            "revokeLink": lambda: client.revoke_link(name, given["linkId"], **extra),
            "ticket": lambda: client.ticket(name, **extra),
            "list": lambda: client.list_sessions(given.get("state"), **extra),
        }
        return calls[self.case["call"]]()

    def on_state(self, state, _status):
        self.told["states"].append(state)
        if self.given["onState"] == "throw":
            raise ListenerError("the listener's own")

    def on_link(self, link, _session):
        self.told["links"].append(link)
        if self.given.get("onLink") == "throw":
            raise ListenerError("the listener's own")

    def when_to_abort(self):
        """Returns when so many requests have arrived."""
        urllib.request.urlopen(self.arrived + str(self.case["abort"]["afterRequests"]), timeout=600).read()


def failed(error):
    if isinstance(error, CaptchaRemoteError):
        retry_after = None if error.retry_after is None else error.retry_after * 1000
        return {
            "error": {
                "code": error.code,
                "status": error.status,
                "retryAfterMs": retry_after,
                "details": error.details,
                "message": str(error),
            }
        }
    return {"thrown": str(error) if isinstance(error, ListenerError) else repr(error)}


def play(one):
    signal, reason = Abort(), Aborted("changed their mind")

    def on_link(link, session):
        one.on_link(link, session)
        if one.given.get("onLink") == "abort":
            signal.abort(reason)

    if "abort" in one.case:
        threading.Thread(target=lambda: (one.when_to_abort(), signal.abort(reason)), daemon=True).start()
    try:
        return {"value": one.call({"signal": signal}, on_link)}
    except BaseException as error:
        return {"aborted": True} if error is reason else failed(error)


async def play_later(one):
    def on_link(link, session):
        one.on_link(link, session)
        if one.given.get("onLink") == "abort":
            task.cancel()
        return asyncio.Event().wait() if one.given.get("onLink") == "hang" else None

    async def abort():
        await asyncio.get_running_loop().run_in_executor(None, one.when_to_abort)
        task.cancel()

    task = asyncio.ensure_future(one.call({}, on_link))
    aborting = asyncio.ensure_future(abort()) if "abort" in one.case else None
    try:
        return {"value": await task}
    except asyncio.CancelledError:
        return {"aborted": True}
    except Exception as error:
        return failed(error)
    finally:
        if aborting:
            aborting.cancel()


def main(origin, nobody, cases):
    outcomes = {}

    def runs(client, name):
        return [
            Case(origin, nobody, number, case, client)
            for number, case in enumerate(cases)
            if name in case.get("only", [name])
        ]

    def run(one):
        outcomes[one.place] = {**play(one), **one.told}

    async def run_all():
        async def run_later(one):
            outcomes[one.place] = {**await play_later(one), **one.told}

        await asyncio.gather(*(run_later(one) for one in runs(ASYNC, "Python asyncio")))

    threads = [threading.Thread(target=run, args=(one,)) for one in runs(SYNC, "Python")]
    for thread in threads:
        thread.start()
    asyncio.run(run_all())
    for thread in threads:
        thread.join()
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
