"""Broken adapters and broken pieces of the road. The kit knows none of them, and must reject each and say why.

Most were seen in the wild. Each wraps the real adapters, or takes one piece of the real road out.
"""

from reversa.testing.mutants.exporters import EXPORTERS
from reversa.testing.mutants.importers import IMPORTERS
from reversa.testing.mutants.mutant import Mutant as Mutant
from reversa.testing.mutants.renewed import RENEWED
from reversa.testing.mutants.road import ROAD

MUTANTS: tuple[Mutant, ...] = (*IMPORTERS, *EXPORTERS, *RENEWED, *ROAD)
