"""Ruche: a FICTIONAL dead vendor, generated from a seed.

Ruche never existed, nor did its customers, their people or anything they wrote. It is a French collaboration service
whose one database holds three customers, with the traps that real databases have: :mod:`reversa.demo.ruche.traps`
lists them. All addresses end in ``.example`` or ``example.org``, which belong to nobody.
"""

from reversa.demo.ruche.truth import Truth
from reversa.demo.ruche.writing import write_ruche

__all__ = ["Truth", "write_ruche"]
