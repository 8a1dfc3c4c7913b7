"""What is asked of the operating system."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.platform import ending, memory_in_use, memory_of_machine, physical_memory

MIB = 2**20
ROOT = Path(__file__).resolve().parents[2]


def test_a_machine_has_more_memory_than_this_process_uses() -> None:
    total, free = physical_memory()
    assert 0 < memory_in_use() < memory_of_machine()
    assert 0 <= free < total <= memory_of_machine()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (3, "ended by itself with status 3"),
        (-11, "was ended by SIGSEGV"),
        (-200, "was ended by signal 200"),
        (0xC0000005, "was ended by STATUS_ACCESS_VIOLATION"),
        (0xC0000409, "was ended by 0xC0000409"),
    ],
)
def test_the_end_of_a_process_is_told_in_words(code: int, said: str) -> None:
    assert ending(code) == said


# What a terminal of another country is, or a file on Windows: few letters.
PRINTED = """
from server.platform import speak_utf8
speak_utf8()
print("sizes of 2 \N{MULTIPLICATION SIGN} 3, \N{GREEK SMALL LETTER SIGMA}")
"""


def test_what_is_printed_is_utf8_whatever_the_country() -> None:
    told = subprocess.run(
        [sys.executable, "-c", PRINTED],
        cwd=ROOT,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )
    assert told.stdout.decode("utf-8").rstrip() == "sizes of 2 × 3, σ"


# In a process of its own: what other tests left behind is let go of at any time.
WATCHED = """
import os
from server.platform import watch_memory
large = bytearray(os.urandom(1)) * (200 * 2**20)
del large
risen = watch_memory()
small = bytearray(os.urandom(1)) * (50 * 2**20)
del small
print(risen())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no other system sets the mark back")
def test_the_highest_use_of_memory_is_that_since_the_watch_began() -> None:
    told = subprocess.run(
        [sys.executable, "-c", WATCHED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 40 * MIB < int(told.stdout) < 100 * MIB
