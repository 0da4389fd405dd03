"""What stands behind each verb of ``sim.py``: one file a verb, found when it is called."""
