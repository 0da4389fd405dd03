"""Published truths, and whether we reproduce them: ``make conformance [VECTORS=DIR]``.

A *family* is one kind of published figures (loan schedules today), told by the content of a file
and never by its name. A new one is a row of ``FAMILIES`` in families.py: a question (is this
document yours?) and an answer (one outcome a case).

    families    files to families, families to outcomes
    outcome     passed, failed, or not expressible and why
    loans       the family of loan schedules: a vector against all its readings
    vector      what a vector says, read strictly; words, what its names of things may mean
    schedules   what its words may mean as a schedule; by_day and rates, as the other two kinds
    answers     what we make of one reading
    figures     one published figure against ours
"""
