"""``python -m reversa``."""

from reversa.cli import main

main()
