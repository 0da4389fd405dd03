"""The vendors' wires, our half of them: queries become requests, responses become answers.

No socket, no clock, no chance: a method here is a generator that yields requests, is sent
responses, and returns the port's answer (sans-IO). :mod:`core.adapters` carries them. Written from
the vendors' documents; the other half, in ``mocks/*/server.py``, is another hand's, and the two
share no code. What stands here may import the ports and the values they are made of.

message     a request, a response, and an answer's fields read by the types the vendor documents
tencent     the signature and the envelope of Tencent Cloud; behind it ocr, carrier and face
wechat      the mini-program's server API, with the access token it wants
idnet       the ID networking check, in XML
rest        the project's own form, for providers whose vendor publishes none: corebank, bureau,
            registry, acquirer, evidence
sanctions   name-list screening in the shape of yente
"""
