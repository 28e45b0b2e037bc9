r"""Text in CSV files: escaped, so that no spreadsheet takes it for a formula, and read back letter by letter.

A text that begins with ``=``, ``+``, ``-``, ``@`` (also in their full-width forms), a tab, a carriage return or ``'``
gets one ``'`` in front. Control characters are written as ``\n``, ``\r``, ``\t`` or ``\x1b``, and so is a semicolon
before the beginning of a formula, at which spreadsheets of some countries would start a new cell. A backslash is
doubled where it would read as one of these, else it stays. Numbers are never touched.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    # Text of a table without pandas is escaped too, by what must start fast.
    import pandas as pd

_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_CONTROLS: Final = r"\x00-\x1f\x7f"
_SEPARATOR: Final = f""";(?=["']*[{_FORMULA}])"""
_ACTING: Final = re.compile(rf"""[{_CONTROLS}]|{_SEPARATOR}|\\(?=[\\nrtx{_CONTROLS}]|{_SEPARATOR})""")
_BEGINNING: Final = re.compile(rf"[{_FORMULA}\t\r']")
_ESCAPED: Final = re.compile(r"\\(?:([\\nrt])|x([0-9a-f]{2}))")
_SHORT: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LONG: Final = {short[1]: letter for letter, short in _SHORT.items()}


def escaped(text: str) -> str:
    """A text as a cell."""
    inert = _ACTING.sub(lambda match: _SHORT.get(match[0]) or f"\\x{ord(match[0]):02x}", text)
    return f"'{inert}" if _BEGINNING.match(text) else inert


def unescaped(cell: str) -> str:
    """The text that :func:`escaped` made a cell of."""
    inert = cell.removeprefix("'")
    return _ESCAPED.sub(lambda match: _LONG[match[1]] if match[1] else chr(int(match[2], 16)), inert)


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as UTF-8 CSV with a header, its text escaped; null is an empty field."""
    as_cells(table).to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def as_cells(table: pd.DataFrame) -> pd.DataFrame:
    """The table with :func:`escaped` texts."""
    return table.assign(**{name: _each_text(table[name], escaped) for name in table.columns})


def unescape(table: pd.DataFrame) -> pd.DataFrame:
    """The table with :func:`unescaped` texts."""
    return table.assign(**{name: _each_text(table[name], unescaped) for name in table.columns})


def _each_text(column: pd.Series, change: Any) -> pd.Series:
    from pandas.api.types import is_object_dtype, is_string_dtype

    if not (is_string_dtype(column) or is_object_dtype(column)):
        return column
    changed = column.map(lambda value: change(value) if isinstance(value, str) else value)
    return changed.astype(column.dtype)
