"""The business register (工商登记): does this licence exist, and whose is it."""
