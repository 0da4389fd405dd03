"""How alike two faces are: scores on the vendor's scale, as pure functions of draw and truth.

The scale gives ten points to each decade of false matches, with a thousandth at 70 (version 2.0
of the vendor's documents), so the impostor's tail is ``40 + Exponential(10 / ln 10)``. The genuine
score is ``100 - LogNormal(1.002, 0.944)``: median 97.3, about 0.6 % below 70 (our own choice: the
vendor publishes no false non-matches). Half the genuine variance belongs to the person (a bad or
old photo), half to the attempt, else three tries would mend everything (assumed).
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log, sqrt
from statistics import NormalDist

FULL_CENTI = 10_000
GENUINE_MU, GENUINE_SD = 1.002, 0.944
PERSON_SHARE = 0.5
IMPOSTOR_START_CENTI = 4_000
IMPOSTOR_MEAN_CENTI = 1_000 / log(10)

_PERSON_SD = GENUINE_SD * sqrt(PERSON_SHARE)
_ATTEMPT_SD = GENUINE_SD * sqrt(1 - PERSON_SHARE)
_quantile = NormalDist().inv_cdf
_EDGE = 1e-12  # a uniform draw may be exactly 0, which has no normal quantile


@lru_cache(maxsize=65_536)
def _photo(likeness_ppm: int) -> float:
    """How poor a person's own photo is, in standard deviations: the same at every attempt."""
    return -_quantile((likeness_ppm + 0.5) / 1_000_001)


def genuine_centi(likeness_ppm: int, draw: float) -> int:
    """The score of a person against the own photo; more ``likeness_ppm``, better photo."""
    person = _photo(likeness_ppm)
    attempt = _quantile(draw or _EDGE)
    lost = exp(GENUINE_MU + _PERSON_SD * person + _ATTEMPT_SD * attempt)
    return FULL_CENTI - min(FULL_CENTI, round(100 * lost))


def impostor_centi(draw: float) -> int:
    """The score of one person against another one's photo."""
    return min(FULL_CENTI, round(IMPOSTOR_START_CENTI - IMPOSTOR_MEAN_CENTI * log(1 - draw)))
