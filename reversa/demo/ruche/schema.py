"""The tables of Ruche, a line for each column: name, type as pg_dump writes it, ``-> table`` for a foreign key.

As in many real systems, some references have no foreign key (authors, polymorphic pairs, ``audit_events.organisation_id``),
and only some tables have an ``organisation_id``: the others belong to the customer of what they point at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PERMISSION_LEVELS = ("view", "comment", "edit", "admin")
PRIVATE, ORGANISATION, PUBLIC = range(3)  # spaces.visibility
GUEST, MEMBER, ADMIN, OWNER = range(4)  # organisation_memberships.role
TEAM_MEMBER, TEAM_LEAD = range(2)  # team_members.role
WIKI, FORUM = range(2)  # spaces.kind
HTML, MARKDOWN = range(2)  # page_revisions.editor_kind
TRIAL, ACTIVE, SUSPENDED = range(3)  # organisations.status


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    refers_to: str | None


@dataclass(frozen=True)
class Table:
    """A table; one whose first column is ``id`` has a sequence and a primary key."""

    name: str
    columns: tuple[Column, ...]

    @property
    def serial(self) -> bool:
        return self.columns[0].name == "id"

    @property
    def primary_key(self) -> str | None:
        return {"space_hierarchies": None, "countries": "code", "schema_migrations": "version"}.get(self.name, "id")


_COLUMN = re.compile(r'^ +"?(\w+)"? (.+?)(?: -> (\w+))?$', re.MULTILINE)

_SOURCE = """
schema_migrations
    version character varying NOT NULL

countries
    code character(2) NOT NULL
    name character varying NOT NULL
    vat_rate numeric(4,2)

plans
    id bigint NOT NULL
    code character varying NOT NULL
    name character varying NOT NULL
    price_cents integer DEFAULT 0 NOT NULL
    quotas jsonb

organisations
    id bigint NOT NULL
    slug character varying(80) NOT NULL
    name character varying NOT NULL
    legal_form character varying
    country_code character(2) -> countries
    plan_id bigint -> plans
    status smallint DEFAULT 0 NOT NULL
    settings json
    created_at timestamp with time zone NOT NULL
    updated_at timestamp with time zone NOT NULL

accounts
    id bigint NOT NULL
    uuid uuid NOT NULL
    email character varying NOT NULL
    display_name character varying
    given_name character varying
    family_name character varying
    phone character varying(32)
    locale character varying(8) DEFAULT 'fr'::character varying
    time_zone character varying DEFAULT 'Europe/Paris'::character varying
    password_digest character varying
    api_token character varying
    legacy_prefs text
    last_sign_in_at timestamp with time zone
    deactivated_at timestamp with time zone
    created_at timestamp with time zone NOT NULL

organisation_memberships
    id bigint NOT NULL
    organisation_id bigint NOT NULL -> organisations
    account_id bigint NOT NULL -> accounts
    role smallint DEFAULT 1 NOT NULL
    title character varying
    joined_at timestamp with time zone NOT NULL
    left_at timestamp with time zone

teams
    id bigint NOT NULL
    organisation_id bigint NOT NULL -> organisations
    name character varying NOT NULL
    description text
    created_at timestamp with time zone NOT NULL

team_members
    id bigint NOT NULL
    team_id bigint NOT NULL -> teams
    account_id bigint NOT NULL -> accounts
    role smallint DEFAULT 0 NOT NULL
    joined_at timestamp with time zone

spaces
    id bigint NOT NULL
    organisation_id bigint -> organisations
    slug character varying NOT NULL
    name character varying NOT NULL
    description text
    kind smallint DEFAULT 0 NOT NULL
    visibility integer DEFAULT 1 NOT NULL
    created_by_id bigint
    created_at timestamp with time zone NOT NULL
    archived_at timestamp with time zone

space_hierarchies
    ancestor_id bigint NOT NULL -> spaces
    descendant_id bigint NOT NULL -> spaces
    generations integer NOT NULL

pages
    id bigint NOT NULL
    space_id bigint NOT NULL -> spaces
    parent_id bigint -> pages
    slug character varying NOT NULL
    title character varying NOT NULL
    "position" integer
    author_id bigint
    created_at timestamp with time zone NOT NULL
    updated_at timestamp with time zone NOT NULL
    published_at timestamp with time zone
    deleted_at timestamp with time zone

page_revisions
    id bigint NOT NULL
    page_id bigint NOT NULL -> pages
    number integer NOT NULL
    title character varying NOT NULL
    body text
    editor_kind smallint DEFAULT 0 NOT NULL
    summary character varying
    minor boolean DEFAULT false NOT NULL
    author_id bigint
    created_at timestamp with time zone NOT NULL

threads
    id bigint NOT NULL
    space_id bigint NOT NULL -> spaces
    subject character varying
    author_id bigint
    locked boolean DEFAULT false NOT NULL
    pinned_at timestamp with time zone
    pinned_by_id bigint
    created_at timestamp with time zone NOT NULL

posts
    id bigint NOT NULL
    thread_id bigint NOT NULL -> threads
    reply_to_id bigint -> posts
    author_id bigint
    body text NOT NULL
    created_at timestamp with time zone NOT NULL
    edited_at timestamp with time zone
    deleted_at timestamp with time zone

comments
    id bigint NOT NULL
    commentable_type character varying NOT NULL
    commentable_id bigint NOT NULL
    parent_id bigint -> comments
    author_id bigint
    body text NOT NULL
    resolved_by_id bigint
    resolved_at timestamp without time zone
    created_at timestamp without time zone NOT NULL

reactions
    id bigint NOT NULL
    reactable_type character varying NOT NULL
    reactable_id bigint NOT NULL
    account_id bigint NOT NULL
    emoji character varying NOT NULL
    created_at timestamp with time zone NOT NULL

attachments
    id bigint NOT NULL
    attachable_type character varying NOT NULL
    attachable_id bigint NOT NULL
    storage_key character varying(32) NOT NULL
    filename character varying NOT NULL
    content_type character varying
    byte_size bigint NOT NULL
    uploaded_by_id bigint
    created_at timestamp with time zone NOT NULL

tags
    id bigint NOT NULL
    organisation_id bigint
    name character varying NOT NULL
    colour character varying(7)

taggings
    id bigint NOT NULL
    tag_id bigint NOT NULL -> tags
    taggable_type character varying NOT NULL
    taggable_id bigint NOT NULL
    created_at timestamp with time zone NOT NULL

permissions
    id bigint NOT NULL
    resource_type character varying NOT NULL
    resource_id bigint NOT NULL
    subject_type character varying NOT NULL
    subject_id bigint NOT NULL
    level public.permission_level NOT NULL
    allowed boolean DEFAULT true NOT NULL
    created_at timestamp with time zone NOT NULL

polls
    id bigint NOT NULL
    thread_id bigint NOT NULL -> threads
    author_id bigint
    question character varying NOT NULL
    multiple boolean DEFAULT false NOT NULL
    closes_at timestamp with time zone
    created_at timestamp with time zone NOT NULL

poll_options
    id bigint NOT NULL
    poll_id bigint NOT NULL -> polls
    label character varying NOT NULL
    "position" integer NOT NULL

poll_votes
    id bigint NOT NULL
    poll_option_id bigint NOT NULL -> poll_options
    account_id bigint NOT NULL
    created_at timestamp with time zone NOT NULL

redirects
    id bigint NOT NULL
    organisation_id bigint NOT NULL -> organisations
    from_slug character varying NOT NULL
    page_id bigint NOT NULL -> pages
    created_at timestamp with time zone NOT NULL

audit_events
    id bigint NOT NULL
    organisation_id bigint
    account_id bigint
    action character varying NOT NULL
    subject_type character varying
    subject_id bigint
    metadata jsonb
    ip_address inet
    created_at timestamp with time zone NOT NULL

sessions
    id bigint NOT NULL
    account_id bigint NOT NULL -> accounts
    token character varying NOT NULL
    ip_address inet
    user_agent character varying
    created_at timestamp with time zone NOT NULL
    expires_at timestamp with time zone
"""


def _table(text: str) -> Table:
    name = text.partition("\n")[0]
    return Table(name, tuple(Column(column, type, target or None) for column, type, target in _COLUMN.findall(text)))


TABLES = {table.name: table for table in map(_table, _SOURCE.strip().split("\n\n"))}

INDEXES = {
    "index_accounts_on_email": "UNIQUE INDEX index_accounts_on_email ON public.accounts USING btree (email)",
    "index_comments_on_commentable": "INDEX index_comments_on_commentable ON public.comments USING btree (commentable_type, commentable_id)",
    "index_pages_on_space_id_and_slug": (
        "UNIQUE INDEX index_pages_on_space_id_and_slug ON public.pages USING btree (space_id, slug) WHERE (deleted_at IS NULL)"
    ),
    "space_anc_desc_idx": ("UNIQUE INDEX space_anc_desc_idx ON public.space_hierarchies USING btree (ancestor_id, descendant_id, generations)"),
}
"""Name → definition, as pg_dump writes it after CREATE."""
