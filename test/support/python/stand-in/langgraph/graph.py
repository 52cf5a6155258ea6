import contextvars

from .types import Command, Interrupt, Stopped, answer

START, END = "__start__", "__end__"


class StateGraph:
    def __init__(self, schema):
        self.fields = set(schema.__annotations__)
        self.nodes, self.next = {}, {}

    def add_node(self, name, node):
        self.nodes[name] = node

    def add_edge(self, source, target):
        self.next[source] = target

    def compile(self, checkpointer):
        return _Graph(self, checkpointer.threads)


class _Graph:
    def __init__(self, builder, threads):
        self.builder, self.threads = builder, threads

    def invoke(self, given, config):
        thread = config["configurable"]["thread_id"]
        context = contextvars.copy_context()
        if isinstance(given, Command):
            state, name = self.threads[thread]
            context.run(answer.set, given.resume)
        else:
            state, name = dict(given), self.builder.next[START]
        while name != END:
            try:
                changes = context.run(self.builder.nodes[name], dict(state))
            except Stopped as stopped:
                self.threads[thread] = (state, name)
                return {**state, "__interrupt__": [Interrupt(stopped.args[0])]}
            assert set(changes) <= self.builder.fields
            state = {**state, **changes}
            name = self.builder.next[name]
        return state
