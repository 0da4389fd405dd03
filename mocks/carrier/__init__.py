"""The three mobile carriers: whose number, since when, does it live."""
