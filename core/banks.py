"""The legal entities of the union (法人行社): 58 banks of invented counties, one file each.

No name, division code or BIN here stands for anyone: the counties do not exist, the divisions
lie in the unassigned ranges 3298xx and 3299xx of Jiangsu, the BINs 629xxx are invented.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from core.config import Strict, read_toml
from core.errors import InputError, nearest
from core.policies import Policy

DATA = Path(__file__).parent / "data"
BANKS = DATA / "banks"

Wave = Literal["pilot", "september", "october", "later"]


class Bank(Strict):
    """One legal entity, as its file ``<id>.toml`` describes it."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*$")]
    name: str
    english: str
    county: str
    division: Annotated[str, Field(pattern=r"^329[89]\d\d$")]
    bin: Annotated[str, Field(pattern=r"^629\d{3}$")]
    wave: Wave
    weight: Annotated[float, Field(gt=0, le=100)]  # relative demand; the scenario normalises
    policy: Policy = "source"  # of its products, where they name none
    funding_fen: Annotated[int, Field(gt=0)] | None = None  # the most it lends out at once


def load_banks(folder: Path = BANKS) -> dict[str, Bank]:
    """Return the banks of a folder by id, in the order of their ids.

    Raises:
        InputError: a file is wrong, or two banks share what must be a bank's own.
    """
    banks: dict[str, Bank] = {}
    for path in toml_files(folder):
        bank = read_toml(path, Bank)
        require_named_after(path, bank.id)
        banks[bank.id] = bank
    for key in ("name", "english", "division", "bin"):
        require_unlike(folder, banks, key)
    return banks


def toml_files(folder: Path) -> list[Path]:
    """Return the TOML files of a folder, sorted by name.

    Raises:
        InputError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        beside = [other.name for other in folder.parent.glob("*") if other.is_dir()]
        raise InputError(str(folder), "there is no such folder", nearest(folder.name, beside))
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise InputError(str(folder), "holds no .toml file", "name a folder with one file each")
    return paths


def require_named_after(path: Path, record_id: str) -> None:
    """Require that a file carries the id of what it holds as its name."""
    if path.stem != record_id:
        problem = f"{record_id!r} differs from the file's name"
        raise InputError(f"{path}: id", problem, f"write {path.stem!r} or rename the file")


def require_unlike(folder: Path, banks: dict[str, Bank], key: str) -> None:
    """Require that no two banks share the value of ``key``."""
    owner: dict[str, str] = {}
    for bank in banks.values():
        value = getattr(bank, key)
        other = owner.setdefault(value, bank.id)
        if other != bank.id:
            place = f"{folder / bank.id}.toml: {key}"
            raise InputError(place, f"{value!r} belongs to {other!r}", "give each bank its own")
