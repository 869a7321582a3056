"""How a process hears that it is to end. Signals need a main thread of their own: each case is a process."""

from __future__ import annotations

import subprocess
import sys

PROLOGUE = """
import os, signal, threading
from mailgate import stopping
asked = threading.Event()
alive, parent = os.pipe()
def me(number): os.kill(os.getpid(), number)
"""


def ended(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROLOGUE + program], capture_output=True, text=True, timeout=30, check=False
    )


def test_a_signal_that_comes_before_a_child_can_hear_is_heard() -> None:
    done = ended(
        "with stopping.put_off():\n me(signal.SIGTERM)\n stopping.hear(asked, alive)\nprint(asked.wait(10), end='')"
    )
    assert (done.stdout, done.returncode) == ("True", 0), done.stderr


def test_a_signal_while_the_main_thread_holds_the_lock_of_the_event_is_heard() -> None:
    done = ended(
        "stopping.hear(asked, alive)\nwith asked._cond:\n me(signal.SIGTERM)\n me(signal.SIGINT)\n"
        "print(asked.wait(10), end='')"
    )
    assert (done.stdout, done.returncode) == ("True", 0), done.stderr


def test_the_end_of_the_parent_is_heard() -> None:
    done = ended("stopping.hear(asked, alive)\nos.close(parent)\nprint(asked.wait(10), end='')")
    assert done.stdout == "True", done.stderr


def test_without_a_signal_nothing_is_heard() -> None:
    assert ended("stopping.hear(asked, alive)\nprint(asked.wait(0.2), end='')").stdout == "False"


def test_a_process_that_goes_on_for_too_long_ends_and_says_so() -> None:
    done = ended(
        "stopping.STOP_SECONDS = stopping.LAST_SECONDS = 0.1\nstopping.hear(asked, alive)\nme(signal.SIGTERM)\n"
        "threading.Event().wait()"
    )
    assert done.returncode == 0
    assert "ends with something in hand" in done.stderr


def test_while_it_starts_being_asked_is_the_end_in_order() -> None:
    assert ended("stopping.at_once()\nme(signal.SIGINT)\nprint('on')").returncode == 0
    assert ended("stopping.at_once()\nme(signal.SIGINT)\nprint('on')").stdout == ""
