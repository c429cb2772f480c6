"""For people who read and sign: the runbook, its legal clocks, the evidence behind every figure (docs/runbook.md)."""
