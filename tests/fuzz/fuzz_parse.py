"""A coverage-guided fuzzer for `parse` (atheris): any bytes become a message, in good time, that prints as JSON.

    python tests/fuzz/fuzz_parse.py -max_total_time=3600 WORKFOLDER tests/fuzz/seeds

What it finds is written to the current folder; the input belongs into `tests/fuzz/seeds/` with the fix.
"""

from __future__ import annotations

import json
import sys

import atheris

with atheris.instrument_imports(include=["parsing"]):
    from parsing.document import document
    from parsing.read import content_key, identify, mail_key, parse


def one_input(data: bytes) -> None:
    message = parse(data)
    if any(sentence.startswith("the mail could not be read") for sentence in message.defects):
        raise AssertionError(message.defects[-1])
    json.dumps(document(message, "-")).encode()
    identify(data)
    content_key(data)
    mail_key(message, data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
