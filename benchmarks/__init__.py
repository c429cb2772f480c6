"""Speed, measured side by side with a plain script in one run: ``make bench``."""
