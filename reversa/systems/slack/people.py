"""Who is met in an export: users it lists, and those it only mentions, who become placeholders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reversa.records import Membership, Ref, User, ref
from reversa.systems.slack.values import native, take, take_seconds, take_text

_ROLES = {"is_admin": "admin", "is_owner": "owner", "is_primary_owner": "primary-owner"}


class People:
    """The users of an export: listed ones are read once, others are remembered when met."""

    def __init__(self) -> None:
        self._listed: set[str] = set()
        self._bots: dict[str, str] = {}
        self._met: dict[str, dict[str, Any]] = {}

    def list(self, entry: dict[str, Any], id: str) -> User:
        """The record of an entry of users.json."""
        raw = dict(entry)
        del raw["id"]
        self._listed.add(id)
        profile = dict(take(raw, "profile", dict) or {})
        bot_id = profile.get("bot_id")
        if isinstance(bot_id, str):
            self._bots[bot_id] = id
        roles = [role for flag, role in _ROLES.items() if raw.get(flag) is True]
        for flag in _ROLES:
            take(raw, flag, bool)
        deleted, bot, guest = take(raw, "deleted", bool), take(raw, "is_bot", bool), take(raw, "is_restricted", bool)
        full_name = take_text(profile, "real_name")
        if full_name is None or raw.get("real_name") == full_name:
            full_name = take_text(raw, "real_name") or full_name
        email, phone = take_text(profile, "email"), take_text(profile, "phone")
        return User(
            id=id,
            root=ref("user", id),
            updated_at=take_seconds(raw, "updated"),
            username=take_text(raw, "name"),
            display_name=take_text(profile, "display_name"),
            full_name=full_name,
            given_name=take_text(profile, "first_name"),
            family_name=take_text(profile, "last_name"),
            title=take_text(profile, "title"),
            emails=[email] if email else None,
            phones=[phone] if phone else None,
            user_type="bot" if bot or id == "USLACKBOT" else "guest" if guest else "member",
            roles=sorted(roles) or None,
            active=None if deleted is None else not deleted,
            timezone=take_text(raw, "tz"),
            photo_url=take_text(profile, "image_original") or take_text(profile, "image_512") or take_text(profile, "image_72"),
            native=native(raw | ({"profile": profile} if profile else {})),
        )

    def met(self, id: str, hints: dict[str, Any] | None = None) -> Ref:
        """A reference to somebody who wrote, reacted or is a member; ``hints`` is what the message says of them."""
        if id not in self._listed:
            known = self._met.setdefault(id, {})
            if hints:
                for key in ("user_profile", "bot_profile", "username"):
                    if key in hints:
                        known.setdefault(key, hints[key])
        return ref("user", id)

    def bot(self, bot_id: str, hints: dict[str, Any]) -> Ref:
        """The author of a message that names a bot only: the user whose bot it is, if listed."""
        if bot_id in self._bots:
            return ref("user", self._bots[bot_id])
        self._met.setdefault(bot_id, {})["bot"] = True
        return self.met(bot_id, hints)

    def placeholders(self) -> Iterator[User]:
        """Those who were met but never listed, with the names that their messages gave them."""
        for id, hints in sorted(self._met.items()):
            if id in self._listed:
                continue
            profile = hints.get("user_profile") if isinstance(hints.get("user_profile"), dict) else {}
            bot_profile = hints.get("bot_profile") if isinstance(hints.get("bot_profile"), dict) else {}
            profile, bot_profile = dict(profile or {}), dict(bot_profile or {})
            bot = bool(hints.get("bot")) or bool(bot_profile) or id == "USLACKBOT"
            yield User(
                id=id,
                root=ref("user", id),
                username=take_text(profile, "name"),
                display_name=take_text(profile, "display_name")
                or take_text(bot_profile, "name")
                or take_text(hints, "username")
                or ("Slackbot" if id == "USLACKBOT" else None),
                full_name=take_text(profile, "real_name"),
                given_name=take_text(profile, "first_name"),
                family_name=take_text(profile, "last_name"),
                user_type="bot" if bot else "external",
                placeholder=True,
            )

    def membership(self, conversation: str, user: str) -> Membership:
        """That a user is a member of a conversation."""
        return Membership(id=f"{conversation}/{user}", root=ref("space", conversation), group=ref("space", conversation), member=self.met(user))
