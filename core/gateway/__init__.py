"""The gateway: the HTTP API that the mini-program and the banks' other front ends call.

One platform serves many legal entities here, so the bank of every request stands in its path and in
its session, and is looked at in one place (``door.py``). A step of the loan is a conversation: the
customer is asked for a face, a card or a signature in the middle of it, and answers by sending the
step once more.
"""
