"""Count lines of code, without comments, docstrings and blank lines: ``python tests/tools/code_lines.py [PATH ...]``.

Prints each module with its lines, and the sum; without a path, those of the package.
"""

from __future__ import annotations

import ast
import sys
import tokenize
from pathlib import Path

_PACKAGE = Path(__file__).parents[2] / "fer_batch"
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(path: Path) -> int:
    """Return the number of lines of a module on which code stands; texts of attributes count as docstrings."""
    text = path.read_text(encoding="utf-8")
    texts = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type not in _NO_CODE]
    lines = {line for token in tokens[1:] for line in range(token.start[0], token.end[0] + 1)}
    return len(lines - texts)


def main() -> None:
    """Run the command line."""
    places = [Path(name) for name in sys.argv[1:]] or [_PACKAGE]
    modules = [path for place in places for path in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    counts = {path: code_lines(path) for path in modules}
    for path, count in counts.items():
        print(f"{count:5}  {path}")
    print(f"{sum(counts.values()):5}  in {len(counts)} modules")


if __name__ == "__main__":
    main()
