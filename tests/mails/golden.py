"""What is kept beside each mail: the JSON of `mailgate parse` without what is empty, each text as its lines.

    .venv/bin/python tests/mails/golden.py [NAME ...]

writes the JSON of these mails (or of those that have none) as they are read now. Look at the difference before you
commit it: the JSON says what should be read, not what is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parsing.document import document
from parsing.read import parse

HERE = Path(__file__).parent
# The file's name is ours, the HTML stands in the mail, the words of the reason are held by `test_kind.py`.
LEFT_OUT = ("file", "html", "kind_reason")
ALWAYS = ("from", "subject", "text", "reply", "reply_certain", "kind")


def names() -> list[str]:
    """All mails, as "folder/what.language"."""
    return sorted(str(path.relative_to(HERE))[: -len(".eml")] for path in HERE.rglob("*.eml"))


def golden(name: str) -> dict[str, Any]:
    """The mail as it is read now."""
    found = json.loads(json.dumps(document(parse((HERE / f"{name}.eml").read_bytes()), name)))
    return {
        key: _lines(value)
        for key, value in found.items()
        if key not in LEFT_OUT and (key in ALWAYS or not _is_empty(value))
    }


def expected(name: str) -> dict[str, Any]:
    """The mail as it should be read."""
    return dict(json.loads((HERE / f"{name}.json").read_text("utf-8")))


def text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _lines(value: Any) -> Any:
    return value.split("\n") if isinstance(value, str) and "\n" in value else value


def _is_empty(value: Any) -> bool:
    return not any(value.values()) if isinstance(value, dict) else not value


def _without() -> Iterator[str]:
    return (name for name in names() if not (HERE / f"{name}.json").exists())


if __name__ == "__main__":
    for name in sys.argv[1:] or list(_without()):
        (HERE / f"{name}.json").write_text(text(golden(name)), "utf-8")
        print(name)
