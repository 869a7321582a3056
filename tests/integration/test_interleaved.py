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


@pytest.mark.parametrize("seed", [1, 2])
def test_interleaved_conversations_end_on_their_own_tickets(conversations: ModuleType, seed: int) -> None:
    score = conversations.play(500, seed)
    assert score.mails == 500
    kinds = {kind.partition(":")[0] for kind in score.kinds}
    assert kinds >= {"first mail", "before its parent", "duplicate", "stranger", *dict(conversations.FAULTS)}
    assert score.strangers == 0
    assert score.share >= conversations.GOAL, score.apart
