"""Published truths, and whether we reproduce them: ``make conformance [VECTORS=DIR]``.

A *family* is one kind of published figures (loan schedules today), told by the content of a file
and never by its name. A new one is a :class:`~scenarios.conformance.families.Family` in the table
``FAMILIES`` of families.py: a question (is this document yours?) and an answer (one outcome a case).

    families   files to families, families to outcomes      figures   one figure against ours
    loans      the family of loan schedules                 vector    what a vector says, or why not
    readings   what its words may mean                      answers   what we make of each reading
"""
