"""Specimens: clean pictures of people's ID cards, licences and portraits, to be read by machines.

``studio.py`` makes them and ``album.py`` writes them beside ``people.json``. ``idcard.py``,
``licence.py`` and ``portrait.py`` draw, after ``features.py`` said what a face is like; on a
``sheet.py`` they note where every row and every mark of ``specimen.py`` came to stand. ``fonts.py``
finds what Chinese is written with, ``shops.py`` beside this package what a licence is about. Nobody
in a picture exists, no emblem of a state is in it, and each says 样本 SPECIMEN. May import core,
mocks.businesses and Pillow. No effects here (blur, glare, a slanted camera): these pictures are
clean.
"""
