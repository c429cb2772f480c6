"""The common schema: one frozen struct per kind of record, with the meaning of every field beside it.

Everything else (Arrow schemas, JSON Schemas, SQL tables, the tables of docs/records.md) is made from this
file by :mod:`reversa.schema`. Names follow the standards given per field: SCIM 2.0 for people, CMIS for
documents, ActivityStreams 2 (AS2) for conversations, JSCalendar, JSContact and Frictionless for the rest.

Rules that hold for every record:

* identity is (source, kind, id); the source is that of the package, so it is not repeated here;
* absent means "the source has no such value": ``None`` is never written, an empty list is a value;
* a reference is the text ``kind:id`` (:data:`Ref`), and ``to`` names the kinds it may point at;
* instants are aware and in UTC, to the microsecond; decimals and identifiers are text; there are no floats.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, NewType

import msgspec

SCHEMA_VERSION = "1.0"

Ref = NewType("Ref", str)
"""A typed reference, ``kind:id``: ``user:U024BE7LH``."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Integer = Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)]  # what JSON numbers hold exactly (RFC 7493)
LocalDateTime = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?$")]
Decimal = Annotated[str, msgspec.Meta(pattern=r"^-?\d+(\.\d+)?$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]

State = Literal["live", "draft", "archived", "deleted"]
Personal = Literal["identity", "contact", "content", "behaviour"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ANY = ("*",)
PEOPLE = ("user", "group")


def ref(kind: str, id: str) -> Ref:
    """The reference to a record."""
    return Ref(f"{kind}:{id}")


def ref_parts(reference: Ref) -> tuple[str, str]:
    """The kind and the id of a reference. Kinds hold no colon, so the first one ends the kind."""
    kind, _, id = reference.partition(":")
    return kind, id


def instant(epoch_microseconds: int) -> datetime:
    """The aware UTC datetime of a count of microseconds since 1970. Raises OverflowError outside years 1 to 9999."""
    return EPOCH + timedelta(microseconds=epoch_microseconds)


class Note(msgspec.Struct, frozen=True):
    """What is known of a field beside its type. ``unordered`` lists are sets: sorted, without repeats."""

    standard: str | None = None
    fr: str = ""
    to: tuple[str, ...] = ()
    personal: Personal | None = None
    unordered: bool = False


def about(
    en: str,
    fr: str,
    standard: str | None = None,
    *,
    to: tuple[str, ...] = (),
    personal: Personal | None = None,
    unordered: bool = False,
) -> msgspec.Meta:
    """Field metadata: its meaning in English and French, the standard it follows, what it may point at."""
    note = Note(standard=standard, fr=fr, to=to, personal=personal, unordered=unordered)
    return msgspec.Meta(description=en, extra={"note": note})


# --------------------------------------------------------------------------------------------- parts of records


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A structured value inside a record; it has no identity of its own."""


class Body(Part, frozen=True, kw_only=True):
    """Text, verbatim, in the markup of its source; converted only when it is written to a target."""

    format: Annotated[str, about("Native markup, as `slack-message`", "Balisage d’origine", "AS2 source.mediaType")]
    text: Annotated[str, about("The text, unchanged", "Le texte, inchangé", "AS2 source.content", personal="content")]


class Participant(Part, frozen=True, kw_only=True):
    person: Annotated[Ref | None, about("Who, if known here", "Qui, si connu ici", to=PEOPLE)] = None
    name: Annotated[str | None, about("Name", "Nom", "JSCalendar name", personal="identity")] = None
    email: Annotated[str | None, about("E-mail", "Courriel", "JSCalendar calendarAddress", personal="contact")] = None
    role: Annotated[str | None, about("Role", "Rôle", "JSCalendar roles")] = None
    status: Annotated[str | None, about("Answer", "Réponse", "JSCalendar participationStatus")] = None


class Choice(Part, frozen=True, kw_only=True):
    id: Annotated[str, about("Id within its list", "Identifiant dans sa liste")]
    label: Annotated[str, about("Label shown to people", "Libellé affiché", "Apideck name")]


class Column(Part, frozen=True, kw_only=True):
    name: Annotated[str, about("Name in the source", "Nom dans la source", "Frictionless name")]
    title: Annotated[str | None, about("Title shown", "Titre affiché", "Frictionless title")] = None
    type: Annotated[str | None, about("Type", "Type", "Frictionless type")] = None
    native_type: Annotated[str | None, about("Type in the source's words", "Type d’origine")] = None
    refers_to: Annotated[str | None, about("table.column it points at", "table.colonne visée", "Frictionless foreignKeys")] = None


class Cell(Part, frozen=True, kw_only=True):
    column: Annotated[str, about("Column name", "Nom de la colonne")]
    value: Annotated[str | None, about("Value as text", "Valeur en texte", personal="content")] = None


# --------------------------------------------------------------------------------------------- what all records have


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """What every record carries."""

    id: Annotated[str, msgspec.Meta(min_length=1), about("Id in the source", "Identifiant d’origine", "SCIM externalId")]
    root: Annotated[Ref, about("The record this one belongs to (itself for a root)", "L’élément racine", to=ANY)]
    order: Annotated[Integer | None, about("Place inside the root", "Place dans la racine")] = None
    state: Annotated[State | None, about("State; absent: live", "État ; absent : actif", "AS2 Tombstone")] = None
    created_at: Annotated[Instant | None, about("Created", "Créé le", "AS2 published")] = None
    created_by: Annotated[Ref | None, about("Author", "Auteur", "AS2 attributedTo", to=PEOPLE)] = None
    updated_at: Annotated[Instant | None, about("Last changed", "Modifié le", "AS2 updated")] = None
    updated_by: Annotated[Ref | None, about("Last changed by", "Modifié par", "CMIS lastModifiedBy", to=PEOPLE)] = None
    url: Annotated[str | None, about("Address in the old system", "Adresse dans l’ancien système", "AS2 url")] = None
    native: Annotated[str | None, about("Source fields without a home here, as JSON text", "Champs d’origine sans équivalent, en JSON")] = None


# --------------------------------------------------------------------------------------------- people and places


class User(Record, frozen=True, kw_only=True, tag="user"):
    """A person or a program that acts: members, guests, bots, deactivated accounts, and authors known by name only."""

    username: Annotated[str | None, about("Login name", "Identifiant de connexion", "SCIM userName", personal="identity")] = None
    display_name: Annotated[str | None, about("Name shown to people", "Nom affiché", "SCIM displayName", personal="identity")] = None
    full_name: Annotated[str | None, about("Full name", "Nom complet", "SCIM name.formatted", personal="identity")] = None
    given_name: Annotated[str | None, about("Given name", "Prénom", "SCIM name.givenName", personal="identity")] = None
    family_name: Annotated[str | None, about("Family name", "Nom de famille", "SCIM name.familyName", personal="identity")] = None
    title: Annotated[str | None, about("Job title", "Fonction", "SCIM title", personal="identity")] = None
    emails: Annotated[list[str] | None, about("E-mail addresses, main one first", "Courriels", "SCIM emails", personal="contact")] = None
    phones: Annotated[list[str] | None, about("Telephone numbers", "Téléphones", "SCIM phoneNumbers", personal="contact")] = None
    user_type: Annotated[Literal["member", "guest", "bot", "external"] | None, about("Kind of account", "Type de compte", "SCIM userType")] = None
    roles: Annotated[list[str] | None, about("Roles in the source", "Rôles", "SCIM roles", unordered=True)] = None
    active: Annotated[bool | None, about("May sign in", "Peut se connecter", "SCIM active")] = None
    locale: Annotated[str | None, about("Locale", "Langue et région", "SCIM locale")] = None
    timezone: Annotated[str | None, about("Time zone", "Fuseau horaire", "SCIM timezone", personal="behaviour")] = None
    photo_url: Annotated[str | None, about("Link to the portrait", "Lien vers le portrait", "SCIM photos", personal="identity")] = None
    placeholder: Annotated[bool | None, about("Not listed by the source, made from mentions", "Absent de la source, reconstitué")] = None


class Group(Record, frozen=True, kw_only=True, tag="group"):
    """A set of people with a name."""

    name: Annotated[str | None, about("Name", "Nom", "SCIM displayName")] = None
    description: Annotated[str | None, about("Description", "Description")] = None
    group_type: Annotated[str | None, about("Kind of group, in the source's words", "Type de groupe")] = None
    parent: Annotated[Ref | None, about("Group it is part of", "Groupe parent", to=("group",))] = None


class Membership(Record, frozen=True, kw_only=True, tag="membership"):
    """One member of one group or space."""

    group: Annotated[Ref, about("Group or space", "Groupe ou espace", "SCIM members", to=("group", "space"))]
    member: Annotated[Ref, about("Member", "Membre", "SCIM members.value", to=PEOPLE)]
    role: Annotated[str | None, about("Role", "Rôle", "schema.org roleName")] = None
    joined_at: Annotated[Instant | None, about("Since", "Depuis", "schema.org startDate")] = None
    left_at: Annotated[Instant | None, about("Until", "Jusqu’à", "schema.org endDate")] = None


class Space(Record, frozen=True, kw_only=True, tag="space"):
    """A place that holds other records: workspace, wiki, channel, direct message, project, folder."""

    name: Annotated[str | None, about("Short name", "Nom court", "SIOC name")] = None
    title: Annotated[str | None, about("Title shown to people", "Titre affiché", "AS2 name")] = None
    space_type: Annotated[str | None, about("channel, direct, group-direct, wiki, folder …", "Type d’espace")] = None
    visibility: Annotated[Literal["public", "private", "unknown"] | None, about("Who may see it", "Visibilité", "SIOC has_space")] = None
    description: Annotated[str | None, about("What it is for", "Objet", "SIOC description")] = None
    topic: Annotated[str | None, about("Current topic", "Sujet courant", "Matrix m.room.topic")] = None
    topic_at: Annotated[Instant | None, about("Topic set on", "Sujet fixé le")] = None
    topic_by: Annotated[Ref | None, about("Topic set by", "Sujet fixé par", to=PEOPLE)] = None
    parent: Annotated[Ref | None, about("Space it lies in", "Espace parent", "SIOC has_parent", to=("space",))] = None


# --------------------------------------------------------------------------------------------- documents


class Page(Record, frozen=True, kw_only=True, tag="page"):
    """A page's place, title and state; its text lies in its revisions."""

    space: Annotated[Ref | None, about("Space", "Espace", to=("space",))] = None
    parent: Annotated[Ref | None, about("Parent page", "Page parente", "CMIS parentId", to=("page",))] = None
    title: Annotated[str | None, about("Title", "Titre", "AS2 name", personal="content")] = None
    name: Annotated[str | None, about("Name in the address", "Nom dans l’adresse", "CMIS name")] = None
    language: Annotated[str | None, about("Language (BCP 47)", "Langue", "AS2 contentMap")] = None
    translation_of: Annotated[Ref | None, about("Page it translates", "Page traduite", to=("page",))] = None
    page_type: Annotated[str | None, about("page, blog, template …", "Type de page", "CMIS objectTypeId")] = None
    head: Annotated[Ref | None, about("Current revision", "Révision courante", "CMIS isLatestVersion", to=("revision",))] = None


class Revision(Record, frozen=True, kw_only=True, tag="revision"):
    """One version of the text of a page, a message or a comment."""

    target: Annotated[Ref, about("What it is a version of", "Objet versionné", "CMIS versionSeriesId", to=("page", "message", "comment"))]
    number: Annotated[str | None, about("Version label", "Numéro de version", "CMIS versionLabel")] = None
    minor: Annotated[bool | None, about("Minor change", "Modification mineure", "CMIS isMajorVersion")] = None
    comment: Annotated[str | None, about("Comment of the author", "Commentaire de l’auteur", "CMIS checkinComment", personal="content")] = None
    title: Annotated[str | None, about("Title at that time", "Titre d’alors", personal="content")] = None
    body: Annotated[Body | None, about("Text", "Texte", "AS2 content", personal="content")] = None


class File(Record, frozen=True, kw_only=True, tag="file"):
    """One use of a file: two uses may share one blob (same sha256)."""

    target: Annotated[Ref, about("What it is attached to", "Objet porteur", "AS2 attachment", to=ANY)]
    name: Annotated[str | None, about("File name", "Nom du fichier", "CMIS contentStreamFileName", personal="content")] = None
    title: Annotated[str | None, about("Title", "Titre", "AS2 name", personal="content")] = None
    media_type: Annotated[str | None, about("Declared media type", "Type de média déclaré", "CMIS contentStreamMimeType")] = None
    size: Annotated[Integer | None, about("Size in bytes", "Taille en octets", "CMIS contentStreamLength")] = None
    sha256: Annotated[Sha256 | None, about("Digest of the content; absent: no content", "Empreinte du contenu", "CMIS contentStreamHash")] = None
    availability: Annotated[
        Literal["present", "absent", "external", "deleted", "hidden", "denied"] | None,
        about("Where the content is: here, nowhere, elsewhere …", "Disponibilité du contenu"),
    ] = None
    version: Annotated[str | None, about("Version label", "Version", "CMIS versionLabel")] = None
    version_of: Annotated[Ref | None, about("Newer use it is a version of", "Fichier versionné", to=("file",))] = None


# --------------------------------------------------------------------------------------------- conversations


class Message(Record, frozen=True, kw_only=True, tag="message"):
    """A message in a space; a system message says so in `message_type`."""

    space: Annotated[Ref | None, about("Space", "Espace", "AS2 context", to=("space",))] = None
    thread: Annotated[Ref | None, about("First message of its thread (itself for the first)", "Premier message du fil", to=("message",))] = None
    reply_to: Annotated[Ref | None, about("Message it answers", "Message auquel il répond", "AS2 inReplyTo", to=("message",))] = None
    message_type: Annotated[Literal["user", "bot", "system"] | None, about("Written by a person, a program or the system", "Nature du message")] = (
        None
    )
    subtype: Annotated[str | None, about("Native subtype", "Sous-type d’origine")] = None
    author_name: Annotated[str | None, about("Name shown instead of the author's", "Nom affiché à la place", personal="identity")] = None
    subject: Annotated[str | None, about("Subject", "Objet", "AS2 summary", personal="content")] = None
    body: Annotated[Body | None, about("Text", "Texte", "AS2 content", personal="content")] = None
    broadcast: Annotated[bool | None, about("A reply also shown in the space", "Réponse montrée dans l’espace")] = None
    pinned_at: Annotated[Instant | None, about("Pinned on", "Épinglé le")] = None
    pinned_by: Annotated[Ref | None, about("Pinned by", "Épinglé par", to=PEOPLE)] = None


class Comment(Record, frozen=True, kw_only=True, tag="comment"):
    """A remark on any record."""

    target: Annotated[Ref, about("What it is about", "Objet commenté", "AS2 context", to=ANY)]
    reply_to: Annotated[Ref | None, about("Comment it answers", "Commentaire précédent", "AS2 inReplyTo", to=("comment",))] = None
    body: Annotated[Body | None, about("Text", "Texte", "AS2 content", personal="content")] = None
    anchor: Annotated[str | None, about("Passage it is about", "Passage visé", "Web Annotation selector", personal="content")] = None
    resolved: Annotated[bool | None, about("Settled", "Résolu")] = None
    resolved_at: Annotated[Instant | None, about("Settled on", "Résolu le")] = None
    resolved_by: Annotated[Ref | None, about("Settled by", "Résolu par", to=PEOPLE)] = None


class Reaction(Record, frozen=True, kw_only=True, tag="reaction"):
    """One reaction of one person (its author) to one record."""

    target: Annotated[Ref, about("What it reacts to", "Objet", "Matrix m.annotation event_id", to=ANY)]
    key: Annotated[str, about("Emoji or short code, skin tone included", "Emoji ou code", "Matrix m.annotation key")]


# --------------------------------------------------------------------------------------------- labels, rights, names


class Tag(Record, frozen=True, kw_only=True, tag="tag"):
    """One label on one record."""

    target: Annotated[Ref, about("What is labelled", "Objet", to=ANY)]
    label: Annotated[str, about("Label", "Libellé", "SKOS prefLabel", personal="content")]
    scheme: Annotated[str | None, about("Set of labels", "Vocabulaire", "SKOS inScheme")] = None


class Grant(Record, frozen=True, kw_only=True, tag="grant"):
    """One right: who may (or may not) do what, on what."""

    target: Annotated[Ref, about("On what", "Objet", "CMIS object", to=ANY)]
    effect: Annotated[Literal["allow", "deny"], about("Allow or deny", "Autorise ou refuse", "CMIS ACE")]
    principal: Annotated[Ref | None, about("Who", "Bénéficiaire", "CMIS principalId", to=PEOPLE)] = None
    audience: Annotated[Literal["anyone", "authenticated"] | None, about("Or a class of people", "Ou une catégorie de personnes")] = None
    right: Annotated[Literal["view", "comment", "edit", "delete", "admin"] | None, about("Right", "Droit", "CMIS permission")] = None
    native_right: Annotated[str | None, about("Right in the source's words", "Droit d’origine")] = None
    inherited_from: Annotated[Ref | None, about("Record it comes from", "Hérité de", "CMIS isDirect", to=ANY)] = None
    since: Annotated[Instant | None, about("Since", "Depuis")] = None
    until: Annotated[Instant | None, about("Until", "Jusqu’à")] = None


class Alias(Record, frozen=True, kw_only=True, tag="alias"):
    """An old name or address of a record."""

    target: Annotated[Ref, about("What it leads to", "Objet", to=ANY)]
    name: Annotated[str, about("Old name or address", "Ancien nom ou adresse")]
    alias_type: Annotated[str | None, about("redirect, old-name …", "Type d’alias")] = None


class Opaque(Record, frozen=True, kw_only=True, tag="opaque"):
    """A source item without a home in this schema, kept whole in `native` or as a blob, and counted apart."""

    native_kind: Annotated[str, about("Kind in the source's words", "Type d’origine")]
    name: Annotated[str | None, about("Name", "Nom")] = None
    media_type: Annotated[str | None, about("Declared media type", "Type de média déclaré")] = None
    size: Annotated[Integer | None, about("Size of the blob in bytes", "Taille en octets")] = None
    sha256: Annotated[Sha256 | None, about("Digest of the blob", "Empreinte du contenu")] = None


# ------------------------------------------------------------ provisional: stable once an adapter has proved them


class Event(Record, frozen=True, kw_only=True, tag="event"):
    """A calendar event; start stays local with its time zone (JSCalendar, RFC 8984)."""

    space: Annotated[Ref | None, about("Calendar", "Agenda", to=("space",))] = None
    title: Annotated[str | None, about("Title", "Titre", "JSCalendar title", personal="content")] = None
    body: Annotated[Body | None, about("Description", "Description", "JSCalendar description", personal="content")] = None
    start: Annotated[LocalDateTime | None, about("Local start", "Début local", "JSCalendar start")] = None
    time_zone: Annotated[str | None, about("Time zone of the start", "Fuseau du début", "JSCalendar timeZone")] = None
    duration: Annotated[str | None, about("Duration (ISO 8601)", "Durée", "JSCalendar duration")] = None
    all_day: Annotated[bool | None, about("Whole days", "Journée entière", "JSCalendar showWithoutTime")] = None
    recurrence: Annotated[list[str] | None, about("Recurrence rules (RFC 5545)", "Récurrences", "JSCalendar recurrenceRules")] = None
    status: Annotated[str | None, about("Status", "Statut", "JSCalendar status")] = None
    locations: Annotated[list[str] | None, about("Places", "Lieux", "JSCalendar locations")] = None
    participants: Annotated[list[Participant] | None, about("People invited", "Participants", "JSCalendar participants")] = None


class Task(Record, frozen=True, kw_only=True, tag="task"):
    """Something to do."""

    space: Annotated[Ref | None, about("Project or list", "Projet ou liste", to=("space",))] = None
    parent: Annotated[Ref | None, about("Task it is part of", "Tâche parente", "JSCalendar relatedTo", to=("task",))] = None
    title: Annotated[str | None, about("Title", "Titre", "JSCalendar title", personal="content")] = None
    body: Annotated[Body | None, about("Description", "Description", "JSCalendar description", personal="content")] = None
    status: Annotated[str | None, about("Status or column", "Statut ou colonne", "JSCalendar progress")] = None
    priority: Annotated[str | None, about("Priority", "Priorité", "JSCalendar priority")] = None
    start: Annotated[LocalDateTime | None, about("Local start", "Début local", "JSCalendar start")] = None
    due: Annotated[LocalDateTime | None, about("Local due time", "Échéance locale", "JSCalendar due")] = None
    time_zone: Annotated[str | None, about("Time zone of start and due", "Fuseau", "JSCalendar timeZone")] = None
    percent_complete: Annotated[Integer | None, about("Percent done", "Avancement", "JSCalendar percentComplete")] = None
    assignees: Annotated[list[Ref] | None, about("Who does it", "Responsables", "JSCalendar participants", to=PEOPLE, unordered=True)] = None


class Poll(Record, frozen=True, kw_only=True, tag="poll"):
    """A question with choices; a vote is a reaction whose key is the id of the choice."""

    question: Annotated[str, about("Question", "Question", "AS2 Question name", personal="content")]
    target: Annotated[Ref | None, about("Where it was asked", "Où il est posé", to=ANY)] = None
    choices: Annotated[list[Choice] | None, about("Choices", "Choix", "AS2 oneOf")] = None
    multiple: Annotated[bool | None, about("Several choices allowed", "Choix multiples", "AS2 anyOf")] = None
    closes_at: Annotated[Instant | None, about("Closes on", "Clôture", "AS2 endTime")] = None


class Contact(Record, frozen=True, kw_only=True, tag="contact"):
    """A person outside, in a customer file (JSContact, RFC 9553)."""

    full_name: Annotated[str | None, about("Full name", "Nom complet", "JSContact name.full", personal="identity")] = None
    given_name: Annotated[str | None, about("Given name", "Prénom", "JSContact name.components", personal="identity")] = None
    family_name: Annotated[str | None, about("Family name", "Nom de famille", "JSContact name.components", personal="identity")] = None
    title: Annotated[str | None, about("Job title", "Fonction", "JSContact titles", personal="identity")] = None
    emails: Annotated[list[str] | None, about("E-mail addresses", "Courriels", "JSContact emails", personal="contact")] = None
    phones: Annotated[list[str] | None, about("Telephone numbers", "Téléphones", "JSContact phones", personal="contact")] = None
    addresses: Annotated[list[str] | None, about("Postal addresses", "Adresses", "JSContact addresses", personal="contact")] = None
    company: Annotated[Ref | None, about("Company", "Société", to=("company",))] = None
    owner: Annotated[Ref | None, about("Person in charge", "Responsable", "Apideck owner_id", to=PEOPLE)] = None


class Company(Record, frozen=True, kw_only=True, tag="company"):
    """An organisation in a customer file."""

    name: Annotated[str | None, about("Name", "Nom", "Apideck name")] = None
    legal_name: Annotated[str | None, about("Legal name", "Raison sociale", "schema.org legalName")] = None
    tax_id: Annotated[str | None, about("Tax or registration number", "Numéro d’immatriculation", "schema.org taxID")] = None
    industry: Annotated[str | None, about("Industry", "Secteur", "Apideck industry")] = None
    employees: Annotated[Integer | None, about("Number of employees", "Effectif", "Apideck number_of_employees")] = None
    websites: Annotated[list[str] | None, about("Web sites", "Sites", "Apideck websites")] = None
    emails: Annotated[list[str] | None, about("E-mail addresses", "Courriels", "Apideck emails", personal="contact")] = None
    phones: Annotated[list[str] | None, about("Telephone numbers", "Téléphones", "Apideck phone_numbers", personal="contact")] = None
    addresses: Annotated[list[str] | None, about("Postal addresses", "Adresses", "Apideck addresses", personal="contact")] = None
    parent: Annotated[Ref | None, about("Parent company", "Société mère", "Apideck parent_id", to=("company",))] = None
    owner: Annotated[Ref | None, about("Person in charge", "Responsable", "Apideck owner_id", to=PEOPLE)] = None


class Pipeline(Record, frozen=True, kw_only=True, tag="pipeline"):
    """The stages that deals pass through."""

    name: Annotated[str | None, about("Name", "Nom", "Apideck name")] = None
    stages: Annotated[list[Choice] | None, about("Stages, in order", "Étapes", "Apideck stages")] = None


class Deal(Record, frozen=True, kw_only=True, tag="deal"):
    """A sale under way or closed."""

    title: Annotated[str | None, about("Title", "Titre", "Apideck title", personal="content")] = None
    amount: Annotated[Decimal | None, about("Amount, scale kept", "Montant", "Apideck monetary_amount")] = None
    currency: Annotated[str | None, about("Currency (ISO 4217)", "Devise", "Apideck currency")] = None
    probability: Annotated[Decimal | None, about("Chance of success, percent", "Probabilité", "Apideck win_probability")] = None
    pipeline: Annotated[Ref | None, about("Pipeline", "Pipeline", "Apideck pipeline_id", to=("pipeline",))] = None
    stage: Annotated[str | None, about("Id of the stage", "Étape", "Apideck pipeline_stage_id")] = None
    status: Annotated[str | None, about("Open, won, lost …", "Statut", "Apideck status")] = None
    close_date: Annotated[date | None, about("Expected or real close", "Date de clôture", "Apideck close_date")] = None
    loss_reason: Annotated[str | None, about("Why it was lost", "Raison de la perte", "Apideck loss_reason")] = None
    company: Annotated[Ref | None, about("Company", "Société", "Apideck company_id", to=("company",))] = None
    contacts: Annotated[list[Ref] | None, about("Contacts", "Contacts", "Apideck contact_ids", to=("contact",), unordered=True)] = None
    owner: Annotated[Ref | None, about("Person in charge", "Responsable", "Apideck owner_id", to=PEOPLE)] = None


class Ticket(Record, frozen=True, kw_only=True, tag="ticket"):
    """A request of a customer."""

    subject: Annotated[str | None, about("Subject", "Objet", personal="content")] = None
    body: Annotated[Body | None, about("Text", "Texte", personal="content")] = None
    status: Annotated[str | None, about("Status", "Statut", "OSLC status")] = None
    priority: Annotated[str | None, about("Priority", "Priorité", "OSLC priority")] = None
    requester: Annotated[Ref | None, about("Who asks", "Demandeur", to=("user", "contact"))] = None
    assignees: Annotated[list[Ref] | None, about("Who answers", "Responsables", to=PEOPLE, unordered=True)] = None
    company: Annotated[Ref | None, about("Company", "Société", to=("company",))] = None
    closed_at: Annotated[Instant | None, about("Closed on", "Clos le", "OSLC closed")] = None


class Activity(Record, frozen=True, kw_only=True, tag="activity"):
    """A call, a mail, a meeting or a note in a customer file."""

    activity_type: Annotated[str | None, about("call, email, meeting, note …", "Type", "Apideck type")] = None
    title: Annotated[str | None, about("Title", "Titre", "Apideck title", personal="content")] = None
    body: Annotated[Body | None, about("Text", "Texte", "Apideck description", personal="content")] = None
    at: Annotated[Instant | None, about("When", "Quand", "Apideck activity_datetime")] = None
    duration: Annotated[str | None, about("Duration (ISO 8601)", "Durée", "Apideck duration_seconds")] = None
    done: Annotated[bool | None, about("Done", "Fait", "Apideck done")] = None
    targets: Annotated[list[Ref] | None, about("What it is about", "Objets", to=ANY, unordered=True)] = None
    owner: Annotated[Ref | None, about("Person in charge", "Responsable", "Apideck owner_id", to=PEOPLE)] = None


class Association(Record, frozen=True, kw_only=True, tag="association"):
    """A link with a type between two records."""

    source: Annotated[Ref, about("From", "De", to=ANY)]
    target: Annotated[Ref, about("To", "Vers", to=ANY)]
    association_type: Annotated[str | None, about("Type, in the source's words", "Type d’origine", "RFC 8288 rel")] = None


class Table(Record, frozen=True, kw_only=True, tag="table"):
    """A table, list or database of the source."""

    name: Annotated[str, about("Name", "Nom", "Frictionless name")]
    title: Annotated[str | None, about("Title shown", "Titre affiché", "Frictionless title")] = None
    space: Annotated[Ref | None, about("Space", "Espace", to=("space",))] = None
    columns: Annotated[list[Column] | None, about("Columns, in order", "Colonnes", "Frictionless fields")] = None
    primary_key: Annotated[list[str] | None, about("Columns of the key", "Clé primaire", "Frictionless primaryKey")] = None


class Row(Record, frozen=True, kw_only=True, tag="row"):
    """One row of a table."""

    table: Annotated[Ref, about("Table", "Table", to=("table",))]
    cells: Annotated[list[Cell] | None, about("Values, in the order of the columns", "Valeurs")] = None


KINDS: dict[str, type[Record]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        User, Group, Space, Membership, Page, Revision, Message, Comment, Reaction, File, Tag, Grant, Alias, Opaque,
        Event, Task, Poll, Contact, Company, Pipeline, Deal, Ticket, Activity, Association, Table, Row,
    )
}  # fmt: skip
"""Kind name → struct, containers before what they hold: the order in which units are written to a target."""

PROVISIONAL = frozenset(list(KINDS)[list(KINDS).index("event") :])


_NAMES = {struct: kind for kind, struct in KINDS.items()}


def kind_of(record: Record) -> str:
    """The kind of a record, as `message`."""
    return _NAMES[type(record)]


def ref_to(record: Record) -> Ref:
    """The reference to this record."""
    return ref(kind_of(record), record.id)
