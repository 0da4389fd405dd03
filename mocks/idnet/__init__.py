"""The ID network (联网核查): the citizen register, as far as a bank may ask it."""
