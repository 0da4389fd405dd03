"""End-to-end stories: each is a sentence, told on a stage of its own, the same on every host."""

from __future__ import annotations

from scenarios.stories import (  # they register themselves
    afterwards,
    entering,
    faults,
    money,
    refusals,
)
from scenarios.stories.story import STORIES, Story, find

__all__ = ["STORIES", "Story", "afterwards", "entering", "faults", "find", "money", "refusals"]
