"""A coverage-guided fuzzer for `parse` (atheris): any bytes become a message, in good time, that prints as JSON.

`make fuzz` runs it for an hour, `FUZZ_SECONDS=600 make fuzz` for ten minutes. It begins with `tests/fuzz/seeds` and
`tests/mails`, and keeps what it learns in `.fuzz/`, where an input that fails is written too (`crash-*`,
`timeout-*`). Such an input belongs into `tests/fuzz/seeds/`, with the mend.
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
