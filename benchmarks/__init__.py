"""Speed, measured side by side with a plain script in one run, and what survives a CSV: ``make bench``."""
