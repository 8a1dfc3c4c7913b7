"""Names of files: what stands for a date, and what is fit for a name."""

from datetime import datetime

import pytest

from nodes.api.file_names import cut, plain_name, prefix_refusal, with_date

NOON = datetime(2026, 3, 7, 12, 5, 9)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("%date:yyyy-MM-dd%", "2026-03-07"),
        ("%date:d.M.yy%", "7.3.26"),
        ("%date:hh:mm:ss%", "12_05_09"),
        ("%date:yyyy/MM%/a", "2026/03/a"),
        ("%year%%month%%day%_%hour%%minute%%second%", "20260307_120509"),
        ("100% %width% %dat:e%", "100% %width% %dat:e%"),
    ],
)
def test_a_moment_is_written_in_the_form_that_is_asked_for(text: str, written: str) -> None:
    assert with_date(text, NOON) == written


def test_a_plain_name_can_be_used_and_a_cut_one_is_whole_characters() -> None:
    assert plain_name('a/b\\c:d*"<e>\n') == "a_b_c_d___e__"
    assert prefix_refusal(plain_name("a/..\\\ud800")) is None
    assert cut("ää", 3) == "ä"
