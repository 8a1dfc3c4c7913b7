"""Strings: change, search and compare texts."""

import json
import re
from typing import Annotated

from nodes.api import Choice, Multiline, Range, node
from nodes.errors import NodeError

GROUP = "logic"

Text = Annotated[str, Multiline()]


@node("StringConcatenate", title="Concatenate", aliases=("join", "append"))
def string_concatenate(string_a: Text, string_b: Text, delimiter: str = "") -> str:
    """Put one text behind another.

    Args:
        string_a: The first text.
        string_b: The second text.
        delimiter: What stands between them.
    """
    return delimiter.join((string_a, string_b))


@node("StringSubstring", title="Substring", aliases=("slice", "cut"))
def string_substring(string: Text, start: int = 0, end: int = 0) -> str:
    """Take a part of a text.

    Args:
        string: The text.
        start: The first character, counted from 0; less than 0 counts from the end.
        end: The character before which to stop, counted likewise.
    """
    return string[start:end]


@node("StringLength", title="Length", aliases=("count",))
def string_length(string: Text) -> int:
    """Count the characters of a text.

    Args:
        string: The text.
    """
    return len(string)


@node("CaseConverter", title="Case converter", aliases=("upper", "lower", "title"))
def case_converter(
    string: Text,
    mode: Annotated[
        str, Choice(("UPPERCASE", "lowercase", "Capitalize", "Title Case"))
    ] = "UPPERCASE",
) -> str:
    """Change letters to capitals or small ones.

    Args:
        string: The text.
        mode: All capitals, all small, a capital at the beginning, or one at each word's.
    """
    changes = {
        "UPPERCASE": str.upper,
        "lowercase": str.lower,
        "Capitalize": str.capitalize,
        "Title Case": str.title,
    }
    return changes[mode](string)


@node("StringTrim", title="Trim", aliases=("strip",))
def string_trim(
    string: Text, mode: Annotated[str, Choice(("Both", "Left", "Right"))] = "Both"
) -> str:
    """Take away spaces and line ends around a text.

    Args:
        string: The text.
        mode: On which sides.
    """
    changes = {"Both": str.strip, "Left": str.lstrip, "Right": str.rstrip}
    return changes[mode](string)


@node("StringReplace", title="Replace", aliases=("substitute",))
def string_replace(string: Text, find: Text, replace: Text) -> str:
    """Replace a part of a text wherever it stands.

    Args:
        string: The text.
        find: What is replaced.
        replace: What stands there instead.
    """
    return string.replace(find, replace)


@node("StringContains", title="Contains", aliases=("find", "search"))
def string_contains(string: Text, substring: Text, case_sensitive: bool = True) -> bool:
    """Tell whether one text stands within another.

    Args:
        string: The text that is searched.
        substring: The text that is looked for.
        case_sensitive: Whether capitals differ from small letters.
    """
    if not case_sensitive:
        string, substring = string.casefold(), substring.casefold()
    return substring in string


@node("StringCompare", title="Compare", aliases=("equal", "starts with", "ends with"))
def string_compare(
    string_a: Text,
    string_b: Text,
    mode: Annotated[str, Choice(("Starts With", "Ends With", "Equal"))] = "Starts With",
    case_sensitive: bool = True,
) -> bool:
    """Tell whether a text is, begins with or ends with another.

    Args:
        string_a: The text.
        string_b: What it is compared with.
        mode: What is asked.
        case_sensitive: Whether capitals differ from small letters.
    """
    if not case_sensitive:
        string_a, string_b = string_a.casefold(), string_b.casefold()
    if mode == "Equal":
        return string_a == string_b
    return string_a.startswith(string_b) if mode == "Starts With" else string_a.endswith(string_b)


@node("RegexMatch", title="Regex match", aliases=("search", "pattern"))
def regex_match(
    string: Text,
    regex_pattern: Text,
    case_insensitive: bool = True,
    multiline: bool = False,
    dotall: bool = False,
) -> bool:
    """Tell whether a pattern is found in a text.

    Args:
        string: The text.
        regex_pattern: The pattern, a regular expression of Python.
        case_insensitive: Whether capitals are the same as small letters.
        multiline: Whether ^ and $ are the ends of each line.
        dotall: Whether a dot may be the end of a line.
    """
    pattern = _compiled(regex_pattern, case_insensitive, multiline, dotall)
    return pattern.search(string) is not None


@node("RegexExtract", title="Regex extract", aliases=("search", "pattern", "group"))
def regex_extract(
    string: Text,
    regex_pattern: Text,
    mode: Annotated[
        str, Choice(("First Match", "All Matches", "First Group", "All Groups"))
    ] = "First Match",
    case_insensitive: bool = True,
    multiline: bool = False,
    dotall: bool = False,
    group_index: Annotated[int, Range(0, 100)] = 1,
) -> str:
    """Take out of a text what a pattern matches; nothing if it is not found.

    Args:
        string: The text.
        regex_pattern: The pattern, a regular expression of Python.
        mode: The first match or all of them, whole or one group each; all are put in lines.
        case_insensitive: Whether capitals are the same as small letters.
        multiline: Whether ^ and $ are the ends of each line.
        dotall: Whether a dot may be the end of a line.
        group_index: Which group, counted from 1; 0 is the whole match.
    """
    pattern = _compiled(regex_pattern, case_insensitive, multiline, dotall)
    group = group_index if mode.endswith(("Group", "Groups")) else 0
    if group > pattern.groups:
        return ""
    found = [match[group] or "" for match in pattern.finditer(string)]
    return "\n".join(found if mode.startswith("All") else found[:1])


@node("RegexReplace", title="Regex replace", aliases=("substitute", "pattern"))
def regex_replace(
    string: Text,
    regex_pattern: Text,
    replace: Text,
    case_insensitive: bool = True,
    multiline: bool = False,
    dotall: bool = False,
    count: Annotated[int, Range(0, 100)] = 0,
) -> str:
    r"""Replace what a pattern matches.

    Args:
        string: The text.
        regex_pattern: The pattern, a regular expression of Python.
        replace: What stands there instead; \1 is the first group.
        case_insensitive: Whether capitals are the same as small letters.
        multiline: Whether ^ and $ are the ends of each line.
        dotall: Whether a dot may be the end of a line.
        count: How many matches are replaced; 0 is all.
    """
    pattern = _compiled(regex_pattern, case_insensitive, multiline, dotall)
    try:
        return pattern.sub(replace, string, count=count)
    except (re.error, IndexError) as error:
        raise _wrong("replacement", replace, error) from error


@node("JsonExtractString", title="Extract from JSON", aliases=("json", "parse", "key"))
def json_extract_string(json_string: Text, key: str = "") -> str:
    """Take what a JSON object has under a key.

    Args:
        json_string: The object, such as `{"steps": 20}`.
        key: The key.

    Returns:
        string: A text as it is, anything else as JSON.
    """
    try:
        data = json.loads(json_string)
    except (ValueError, RecursionError) as error:
        raise NodeError(
            f"The text is no JSON: {error}.", 'Write it like {"steps": 20}.', "json.invalid"
        ) from error
    if not isinstance(data, dict) or key not in data:
        known = ", ".join(data) if isinstance(data, dict) else ""
        raise NodeError(
            f"The JSON has nothing under {key!r}.", f"It has: {known or 'no keys'}.", "json.key"
        )
    found = data[key]
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _compiled(
    pattern: str, case_insensitive: bool, multiline: bool, dotall: bool
) -> re.Pattern[str]:
    flags = re.NOFLAG
    for wanted, flag in (
        (case_insensitive, re.IGNORECASE),
        (multiline, re.MULTILINE),
        (dotall, re.DOTALL),
    ):
        flags |= flag if wanted else re.NOFLAG
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        raise _wrong("pattern", pattern, error) from error


def _wrong(what: str, text: str, error: Exception) -> NodeError:
    return NodeError(
        f"The {what} {text!r} cannot be read: {error}.",
        "Write it as a regular expression of Python.",
        "regex.invalid",
    )
