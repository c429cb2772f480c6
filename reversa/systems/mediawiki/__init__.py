"""MediaWiki: its XML dumps, a wiki on this machine, its API, and what its names may be."""
