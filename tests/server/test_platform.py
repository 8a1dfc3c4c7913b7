"""What is asked of the operating system."""

from server.platform import memory_in_use, memory_of_machine


def test_a_machine_has_more_memory_than_this_process_uses() -> None:
    assert 0 < memory_in_use() < memory_of_machine()
