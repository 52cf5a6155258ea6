"""A LangGraph bot: its graph stops where a person is needed, and resumes with what came of it.

Install both: pip install langgraph ./clients/python
"""
import os
import sys
from typing import TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from captcha_remote import Client

DEFAULTS = ["http://127.0.0.1:3001/jigsaw.html", "http://127.0.0.1:3000"]
URL, SERVER = [*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :]]

client = Client(SERVER, os.environ.get("CAPTCHA_REMOTE_KEY"))


class State(TypedDict, total=False):
    url: str
    session_id: str
    # Whoever has it may act in the session: keep checkpoints as you keep keys.
    link: str
    outcome: str
    cookies: int


def open_page(state: State) -> State:
    # A node of its own: the node that interrupts runs again from its beginning when the graph resumes.
    session = client.create({"url": state["url"], "label": "langgraph bot"})
    return {"session_id": session["session_id"], "link": session["control_url"]}


def ask_person(state: State) -> State:
    return {"outcome": interrupt({"link": state["link"], "session_id": state["session_id"]})}


def go_on(state: State) -> State:
    # Cookies are fetched where they are needed, so that no checkpoint keeps them.
    cookies = client.result(state["session_id"]).get("storage_state", {}).get("cookies", [])
    return {"cookies": len(cookies)}


builder = StateGraph(State)
builder.add_node("open_page", open_page)
builder.add_node("ask_person", ask_person)
builder.add_node("go_on", go_on)
builder.add_edge(START, "open_page")
builder.add_edge("open_page", "ask_person")
builder.add_edge("ask_person", "go_on")
builder.add_edge("go_on", END)
graph = builder.compile(checkpointer=InMemorySaver())

config = {"configurable": {"thread_id": "order-17"}}
stopped = graph.invoke({"url": URL}, config)
asked = stopped["__interrupt__"][0].value
print(f"Please clear it: {asked['link']}", flush=True)

# The graph rests meanwhile. With a checkpointer that writes to disk this may be another process: of a webhook, say.
result = client.wait(asked["session_id"])
done = graph.invoke(Command(resume=result["outcome"]), config)
print(f"{done['outcome']}, and back to work with {done['cookies']} cookies")
