"""What is wrong with a mail, as its reading finds it out."""

from __future__ import annotations


class Defects(list[str]):
    """One sentence each, none twice, in the order in which they were found."""

    def note(self, sentence: str) -> None:
        if sentence not in self:
            self.append(sentence)
