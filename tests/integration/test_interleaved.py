"""Five hundred mails of interleaved conversations, as `benchmarks/conversations.py` plays ten thousand of."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "conversations.py"


@pytest.fixture(scope="module")
def conversations() -> ModuleType:
    spec = importlib.util.spec_from_file_location("conversations", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["conversations"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("desk", ["auto", "plus", "always"])
def test_interleaved_conversations_end_on_their_own_tickets(conversations: ModuleType, desk: str) -> None:
    score = conversations.play(500, 2, desk)
    assert score.mails == 500
    kinds = {kind.partition(":")[0] for kind in score.kinds}
    assert kinds >= {"first mail", "before its parent", "duplicate", "stranger", "staff", "forwarded by staff"}
    assert kinds >= set(dict(conversations.FAULTS))
    assert score.strangers == score.leaks == 0
    assert score.share >= conversations.GOAL, score.apart
    assert score.bare_right == score.bare > 0
