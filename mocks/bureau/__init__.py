"""The credit bureau (征信), government and internet data, with a journal of who asked."""
