"""The lists of phrases: what is compiled when it is first asked can be compiled."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
import re2

import parsing
from parsing import phrases

MODULES = [module.name for module in pkgutil.iter_modules(parsing.__path__, "parsing.")]


def finders(module: str):
    return [v for v in vars(importlib.import_module(module)).values() if getattr(v, "__qualname__", "") == KIND]


KIND = phrases.finder(["x"]).__qualname__


def test_every_pattern_compiles():
    found = [finder for module in MODULES for finder in finders(module)]
    assert len(found) > 40
    assert {type(finder("words")) for finder in found} == {bool}


def test_a_pattern_that_does_not_is_an_error_and_no_silence():
    with pytest.raises(re2.error):
        phrases.finder(["("])("words")
