"""Three providers of an invented vendor: one in a mock's place, one on top of one, one new."""
