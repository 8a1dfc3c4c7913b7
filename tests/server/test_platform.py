"""What is asked of the operating system."""

import os
import sys

import pytest

from server.platform import memory_in_use, memory_of_machine, watch_memory

MIB = 2**20


def test_a_machine_has_more_memory_than_this_process_uses() -> None:
    assert 0 < memory_in_use() < memory_of_machine()


@pytest.mark.skipif(sys.platform != "linux", reason="no other system sets the mark back")
def test_the_highest_use_of_memory_is_that_since_the_watch_began() -> None:
    large = bytearray(os.urandom(1)) * (200 * MIB)
    del large
    risen = watch_memory()
    small = bytearray(os.urandom(1)) * (50 * MIB)
    del small
    seen = risen()
    assert seen is not None
    assert 40 * MIB < seen < 100 * MIB
