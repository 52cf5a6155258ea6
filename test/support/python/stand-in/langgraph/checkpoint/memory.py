class InMemorySaver:
    def __init__(self):
        self.threads = {}
