"""A multi-bank rollout in virtual time: every customer really runs the platform."""
