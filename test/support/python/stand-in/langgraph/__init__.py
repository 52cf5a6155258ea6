"""
As much of LangGraph as examples/langgraph_bot.py uses, for machines that cannot have the package: a chain of nodes that
an interrupt stops, and that runs the interrupted node again from its beginning when it resumes.
"""
