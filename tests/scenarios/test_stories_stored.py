"""Every story told over a database comes to the same decisions and the same books as in memory."""

from __future__ import annotations

import pytest

from core.adapters.sql import SqlStore
from scenarios.hosts import world
from scenarios.stories import STORIES
from scenarios.stories.run import tell


@pytest.mark.parametrize("story", STORIES.values(), ids=lambda story: story.name)
def test_a_story_is_the_same_on_disk(story, tmp_path, monkeypatch):
    in_memory = tell(story, 7, "instant")
    monkeypatch.setattr(world, "CopyingStore", lambda: SqlStore(f"sqlite:///{tmp_path}/story.db"))
    on_disk = tell(story, 7, "instant")

    assert (on_disk.passed, on_disk.problem) == (True, "")
    assert on_disk.digest == in_memory.digest
