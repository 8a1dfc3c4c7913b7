"""Three nodes that cost next to nothing, so that what is measured is everything around them."""

from nodes.api import node


@node("QuickNumber")
def quick_number(value: int = 0) -> int:
    """Give a number.

    Args:
        value: The number.
    """
    return value


@node("QuickAdd")
def quick_add(first: int, second: int = 1) -> int:
    """Add two numbers.

    Args:
        first: One.
        second: The other.
    """
    return first + second


@node("QuickShow", sink=True)
def quick_show(value: int) -> None:
    """Be a reason to run.

    Args:
        value: Taken.
    """
