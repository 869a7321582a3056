"""Which elements that stand open keep their words from a reader, as HTML is read from tag to tag."""

from __future__ import annotations

from dataclasses import dataclass

from parsing import styles
from parsing.styles import Look

FRAMES = 30  # elements in each other that change what is seen; below that nothing more is told apart
_CLOSED_BY_TWIN = frozenset(("p", "li", "td", "tr", "th", "option"))
_NESTING = frozenset(("table", "ul", "ol"))


@dataclass(slots=True)
class Frame:
    """An open element that says how words look, and what holds in it; `depth` counts its own name in it."""

    name: str
    nested: int  # tables and lists that were open at its start
    hides: bool
    tiny: bool
    ink: str
    paper: str
    conceals: bool
    depth: int = 1


class Concealment:
    """The frames that are open. `colours` is false where nobody can tell them."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.nested = 0
        self.colours = True

    @property
    def now(self) -> bool:
        return bool(self.frames) and self.frames[-1].conceals

    def passes(self, name: str, closing: bool, source: str, look: Look | None) -> bool:
        """Take in the next tag; whether it does anything where it stands."""
        hidden = bool(self.frames) and self.frames[-1].hides
        if closing:
            self._close(name)
            return not hidden
        if source.endswith("/"):
            return not hidden
        if self.frames:
            self._enter(name)
        hidden = bool(self.frames) and self.frames[-1].hides
        if not hidden and look is not None and len(self.frames) < FRAMES:
            hidden = self._open(name, look)
        if name in _NESTING and self.frames:
            self.nested += 1
        return not hidden

    def _enter(self, name: str) -> None:
        """An element that opens in the frames: one more of a frame's name, or the twin that ends it."""
        at = self._topmost(name)
        if at is None:
            return
        if name in _CLOSED_BY_TWIN:
            del self.frames[at:]
        else:
            self.frames[at].depth += 1

    def _open(self, name: str, look: Look) -> bool:
        """A frame for an element whose look changes what is seen; whether it hides all in it."""
        over = self.frames[-1] if self.frames else Frame("", 0, False, False, "", "", False)
        tiny = over.tiny if look.tiny is None else look.tiny
        ink = over.ink if look.ink is None else look.ink
        paper = over.paper if look.paper is None else look.paper
        blank = ink == styles.TRANSPARENT or (self.colours and bool(ink) and ink == paper)
        conceals = look.hides or tiny or blank
        if conceals != over.conceals or paper != over.paper or conceals:
            if not self.frames:
                self.nested = 0
            at = self._topmost(name)
            if at is not None and self.frames[at].depth > 1:
                self.frames[at].depth -= 1  # it was counted as one without a look of its own
            self.frames.append(Frame(name, self.nested, look.hides, tiny, ink, paper, conceals))
        return look.hides

    def _close(self, name: str) -> None:
        if name in _NESTING:
            self._leave(name)
        at = self._topmost(name)
        if at is not None:
            self.frames[at].depth -= 1
            if not self.frames[at].depth:
                del self.frames[at:]

    def _leave(self, name: str) -> None:
        """The end of a table or list, which ends all that was opened in it."""
        if self.nested:
            self.nested -= 1
            at = next((at for at, one in enumerate(self.frames) if one.nested > self.nested), None)
        else:
            cells = ("li",) if name != "table" else ("td", "tr", "th")
            at = next((at for at, one in enumerate(self.frames) if one.name in cells), None)
        if at is not None:
            del self.frames[at:]

    def _topmost(self, name: str) -> int | None:
        """The innermost frame of that name that a tag of it here belongs to."""
        for at in range(len(self.frames) - 1, -1, -1):
            frame = self.frames[at]
            if frame.name == name:
                return at if name not in _CLOSED_BY_TWIN or frame.nested == self.nested else None
        return None
