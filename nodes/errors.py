"""What a node raises when it cannot do its work: a sentence for the user, and what to do."""


class NodeError(Exception):
    """A failure that the user can understand.

    Args:
        message: What happened, in the user's words; no paths, no tracebacks.
        hint: What to do about it.
        code: A dotted name for programs.
    """

    def __init__(self, message: str, hint: str = "", code: str = "node.error") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class FileProblem(NodeError):
    """A file that is missing, or is not what it should be."""

    def __init__(self, message: str, hint: str = "", code: str = "file.problem") -> None:
        super().__init__(message, hint, code)


class OutOfMemory(NodeError):
    """The device's memory did not suffice; a thriftier variant may still succeed."""

    def __init__(self, message: str, hint: str = "", code: str = "memory.exhausted") -> None:
        super().__init__(message, hint, code)
