"""The shared suite: what every adapter must hold, ours and those of others.

An exporter is tried on a source of its system, an importer on empty targets. In pytest, a class per adapter::

    class TestAcme(ExporterSuite):
        system, sources = "acme", ("tests/data/acme-export.zip",)

or, without writing any test, ``reversa conformance acme tests/data/acme-export.zip``.
"""

from reversa.testing.suite import Excepted as Excepted
from reversa.testing.suite import ExporterSuite as ExporterSuite
from reversa.testing.suite import ImporterSuite as ImporterSuite
from reversa.testing.suite import Result as Result
from reversa.testing.suite import run_suite as run_suite
from reversa.testing.witnesses import Seen as Seen
from reversa.testing.witnesses import Witness as Witness
