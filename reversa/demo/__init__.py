"""A real Slack export that ships with reversa (MIT, see NOTICE): the input of ``reversa demo``."""
