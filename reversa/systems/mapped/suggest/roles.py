"""What words say of a table or a value whatever its kind, in English and in French. Data only, written as in `lexicon`."""

from __future__ import annotations

from reversa.systems.mapped.suggest.lexicon import words_of

PEOPLE = frozenset(
    words_of(
        "author creator user assigned_to owner account poster uploader sender editor assignee assigned reporter requester member person "
        "manager responsible resolver actor auteur utilisateur compte responsable membre approver reviewer recipient submitter"
    )
)
"""What columns call people, whatever the table of people is called; also every ``…_by``."""
SELF = frozenset(words_of("parent reply_to in_reply_to ancestor root original previous translation_of duplicate_of"))
"""What columns call another row of the same table."""
VISITS = {
    "session": "sessions of browsers",
    "cache": "copies that are worked out again",
    "objectcache": "copies that are worked out again",
    "searchindex": "an index of searches, worked out from the texts",
    "search_index": "an index of searches, worked out from the texts",
    "migration": "versions of the program's own tables",
    "migration_version": "versions of the program's own tables",
    "ar_internal_metadata": "settings of the framework",
    "updatelog": "versions of the program's own tables",
    "job": "work that a program had before it",
    "queue": "work that a program had before it",
    "lock": "locks of running programs",
    "token": "keys of sessions, never taken along",
    "password_reset": "keys of sessions, never taken along",
}
"""Last words of tables that nobody misses, and why. Such a table is left out only where no record could be made of it."""
SIDES = frozenset(
    words_of(
        "meta metadata preference setting option property attribute detail value param parameter email address phone email_address "
        "hierarchy closure choice profile info extra custom_value"
    )
)
"""Last words of tables whose rows are a part of the row they lead to."""
CUSTOMERS = ("tenant", "organisation", "organization", "account", "company", "workspace", "site", "client", "customer")
"""Tables whose rows are often the customers of a vendor."""
LIKES = {
    "like": "like",
    "favorite": "favourite",
    "favourite": "favourite",
    "star": "star",
    "upvote": "upvote",
    "vote": "vote",
    "bookmark": "bookmark",
    "aime": "like",
}
"""Tables of reactions that have no column for which one it is."""
HEADS = frozenset(words_of("thread topic discussion conversation sujet"))
"""Tables that hold the subject of a conversation, and another table its messages."""

STATES = {
    "publish": "live", "private": "live", "published": "live", "live": "live", "active": "live", "open": "live", "publie": "live", "visible": "live", "normal": "live",
    "draft": "draft", "auto-draft": "draft", "future": "draft", "scheduled": "draft", "pending": "draft", "brouillon": "draft", "unpublished": "draft",
    "archived": "archived", "archive": "archived", "trash": "deleted", "trashed": "deleted", "deleted": "deleted", "removed": "deleted", "supprime": "deleted",
}  # fmt: skip
CHOICES: dict[str, dict[str, str]] = {
    "visibility": {"public": "public", "private": "private", "open": "public", "closed": "private", "prive": "private", "secret": "private"},
    "right": {
        "view": "view", "read": "view", "reader": "view", "viewer": "view", "lecture": "view", "comment": "comment", "commenter": "comment", "edit": "edit",
        "write": "edit", "writer": "edit", "editor": "edit", "ecriture": "edit", "delete": "delete", "admin": "admin", "owner": "admin", "manage": "admin", "move": "admin",
    },
    "effect": {"allow": "allow", "deny": "deny"},
    "user_type": {"member": "member", "guest": "guest", "bot": "bot", "external": "external", "user": "member"},
    "message_type": {"user": "user", "bot": "bot", "system": "system"},
}  # fmt: skip
"""Field → what the words of a source mean there."""
PLACES = frozenset(words_of("project board forum channel room folder wiki workspace team blog notebook projet dossier salon"))
"""Tables of spaces whose name is a type of space."""
ARTICLES = frozenset(words_of("news article blog post document solution faq note template actualite"))
"""Tables of pages whose name is a type of page."""
DEEDS = {
    "email": "email",
    "mail": "email",
    "courriel": "email",
    "call": "call",
    "appel": "call",
    "meeting": "meeting",
    "note": "note",
    "time": "time",
}
"""Words of tables of activities, and the type of what was done."""
JOINED = {"user": ("emails",), "contact": ("emails",), "task": ("assignees",), "ticket": ("assignees",), "deal": ("contacts",)}
"""Fields that a table beside may give as a list."""
ASSIGNED = frozenset(words_of("assigned assignee assignment responsible responsable user"))
"""Words of tables that join people with what they have to do."""
ADDRESS = tuple(
    words_of(
        "address_line street street_address address address1 address_line1 address2 address_line2 city town state region postcode zip postal_code country"
    )
)
"""Parts of a postal address in the order in which they are written."""
PARTS = frozenset(words_of("stage step item line rate history detail module watcher watchlist follower former content text etape ligne historique"))
"""Words of tables whose rows are parts of the one row that they lead to."""
PLACED = tuple(words_of("path file_path filepath storage_path disk_path location file storage_key chemin attachment"))
"""Columns that say where the content of a file lies."""
HEAD = frozenset(words_of("latest current head last newest"))
"""What a page calls its newest revision."""
SETTINGS = (tuple(words_of("key meta_key property name option setting attribute")), tuple(words_of("value meta_value option_value")))
"""Columns of tables of keys and values: the key, and the value."""
MANY = frozenset(words_of("subject message_subject body address email"))
"""Columns of tables that hold several rows for each person: letters, addresses."""
SORTED = frozenset(words_of("tracker category version milestone component sprint label topic sort categorie etiquette"))
"""Lists of names that rows are sorted by."""
SORTED_KINDS = ("task", "ticket", "contact", "company", "deal", "event")
