"""A wiki over its API, read only: the same elements as its dump holds, and what a dump lacks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from reversa.errors import SourceError
from reversa.systems.mediawiki.census import labels
from reversa.systems.mediawiki.dump import Element
from reversa.systems.mediawiki.rights import Person
from reversa.systems.mediawiki.values import Namespace, Site, base36, category_words
from reversa.web import Web

_REVISION = "ids|flags|timestamp|user|userid|sha1|contentmodel|comment|content"
_FILE = "timestamp|user|userid|comment|sha1|size|archivename|url"
_EVERYBODY = frozenset({"*", "user", "autoconfirmed"})
_AT_ONCE = 50
"""Texts in one answer: what a wiki gives to those who have no rights of a robot."""


class _Session(Web):
    """A wiki knows its people by cookies, not by tokens."""

    def __init__(self, address: str) -> None:
        super().__init__(address, lambda _: "")

    def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self._http.send(self._http.build_request(method, path, **request), stream=True)


class Api:
    """One wiki. ``password``: ``user:password`` of an account, best of a robot's password made for this."""

    def __init__(self, address: str, password: str | None) -> None:
        self._address, self._web = address, _Session(address)
        self.protections: list[tuple[str, str, str, str | None]] = []
        """Page, action, level and end of the protections of the pages that were read."""
        if password is not None:
            self._sign_in(*password.partition(":")[::2])
        said: dict[str, Any] = next(self._query(meta="siteinfo", siprop="general|namespaces|usergroups|restrictions"))
        general = said["general"]
        spaces = {str(space["id"]): Namespace(space["name"], space["case"]) for space in said["namespaces"].values()}
        self.site = Site(
            name=general["sitename"], dbname=general["wikiid"], base=general["base"], generator=general["generator"], case=general["case"], namespaces=spaces
        )  # fmt: skip
        levels = {level for level in said["restrictions"]["levels"] if level}
        self.groups = sorted(levels | {group["name"] for group in said["usergroups"]} - _EVERYBODY)

    def _sign_in(self, name: str, password: str) -> None:
        token = next(self._query(meta="tokens", type="login"))["tokens"]["logintoken"]
        data = {"action": "login", "format": "json", "lgname": name, "lgpassword": password, "lgtoken": token}
        if self._web.ask("POST", self._address, data=data).get("login", {}).get("result") != "Success":
            raise SourceError(f"{self._address} does not let {name} in.", "REVERSA_PASSWORD=user:password, best of Special:BotPasswords")

    def _query(self, **asked: str | int) -> Iterator[dict[str, Any]]:
        """The answers to a query, until there are no more."""
        more: Mapping[str, str | int] = {}
        while True:
            parameters = {"action": "query", "format": "json", "formatversion": 2, "errorformat": "plaintext", **asked, **more}
            answer = self._web.ask("GET", self._address, params=parameters)
            if not isinstance(answer, dict) or "errors" in answer:
                reason = answer["errors"][0].get("text") if isinstance(answer, dict) else "no answer of an API"
                raise SourceError(
                    f"{self._address} refuses: {reason}", "Give the address of api.php, and REVERSA_PASSWORD if it asks for an account."
                )
            yield answer.get("query", {})
            if "continue" not in answer:
                return
            more = answer["continue"]

    def _spaces(self) -> Iterator[str]:
        return (key for key in self.site.namespaces if int(key) >= 0)

    # ------------------------------------------------------------------------------------------- elements

    def events(self) -> Iterator[Element]:
        for key in self._spaces():
            for answer in self._query(list="allpages", apnamespace=key, aplimit="max"):
                for page in answer["allpages"]:
                    yield from self._page(str(page["pageid"]), key)
        for answer in self._query(list="logevents", lelimit="max", ledir="newer", leprop="ids|title|type|user|userid|timestamp|comment|details"):
            for event in answer["logevents"]:
                yield self._log(event)

    def _page(self, id: str, key: str) -> Iterator[Element]:
        files: list[dict[str, Any]] = []
        begun = False
        asked: dict[str, str | int] = {"prop": "info|revisions" + ("|imageinfo" if key == "6" else ""), "inprop": "protection", "rvslots": "main"}
        asked |= {"rvprop": _REVISION, "rvlimit": _AT_ONCE, "rvdir": "newer", "iiprop": _FILE, "iilimit": "max"}
        for answer in self._query(pageids=id, **asked):
            page = answer["pages"][0]
            if not begun:
                begun = True
                yield self._head(page, id, key)
            for revision in page.get("revisions", []):
                yield _revision(revision)
            files += page.get("imageinfo", [])
        for file in reversed(files):
            element = self._file(file, page["title"])
            yield element
            if element.content is not None:
                element.content.close()
        yield Element("/page")

    def _head(self, page: dict[str, Any], id: str, key: str) -> Element:
        self.protections += [(id, rule["type"], rule["level"], rule["expiry"]) for rule in page.get("protection", []) if "source" not in rule]
        head = Element("page", {"title": page["title"], "ns": key, "id": id})
        if page.get("redirect"):
            leads = next(self._query(pageids=id, redirects=1)).get("redirects", [])
            head.attributes["redirect"] = {"title": leads[0]["to"] if leads else ""}
        return head

    def _file(self, file: dict[str, Any], title: str) -> Element:
        archive = file.get("archivename")
        name = title.partition(":")[2].replace(" ", "_")
        element = Element("upload", {"timestamp": file["timestamp"], "filename": name, "size": str(file.get("size", ""))})
        element.parts.append(_contributor(file))
        element.texts |= {"comment": file.get("comment", ""), "archivename": archive or ""}
        if not archive:
            del element.texts["archivename"]
        if "sha1" in file:
            element.texts["sha1base36"] = base36(file["sha1"])
        url = urljoin(self._address, file.get("url", ""))
        if "url" in file and urlsplit(url).netloc == urlsplit(self._address).netloc:  # nothing else is asked for
            element.content = self._web.download(url)
        return element

    def _log(self, event: dict[str, Any]) -> Element:
        element = Element("logitem", {"id": str(event["logid"]), "timestamp": event["timestamp"], "logtitle": event.get("title", "")})
        element.texts |= {name: str(event.get(name, "")) for name in ("type", "action", "comment")}
        element.texts["params"] = json.dumps(event.get("params", {}), ensure_ascii=False, sort_keys=True)
        element.parts.append(_contributor(event))
        return element

    def people(self) -> Iterator[Person]:
        for answer in self._query(list="allusers", aulimit="max", auprop="groups|registration"):
            for user in answer["allusers"]:
                groups: list[tuple[str, str | None]] = [(group, None) for group in user.get("groups", []) if group not in _EVERYBODY]
                yield Person(str(user["userid"]), user["name"], created=user.get("registration"), groups=groups)

    # ------------------------------------------------------------------------------------------- census

    def census(self) -> Counter[str]:
        """Counted in other lists than those that are read."""
        count: Counter[str] = Counter(space=1, group=len(self.groups))
        words, case = category_words(self.site), self.site.namespace("14").case
        pages = set()
        for answer in self._query(list="allrevisions", arvlimit="max", arvprop="ids"):
            for page in answer["allrevisions"]:
                pages.add((page["pageid"], page["ns"]))
                count["revision"] += len(page["revisions"])
        count["page"], count["space"] = len(pages), 1 + len({key for _, key in pages})
        for key in {str(key) for _, key in pages}:
            for answer in self._query(list="allpages", apnamespace=key, apfilterredir="redirects", aplimit="max"):
                count["alias"] += len(answer["allpages"])
            asked: dict[str, str | int] = {
                "generator": "allpages",
                "gapnamespace": key,
                "gaplimit": _AT_ONCE,
                "rvprop": "content|contentmodel",
                "rvslots": "main",
            }
            for answer in self._query(prop="revisions|info", inprop="protection", **asked):
                for page in answer.get("pages", []):
                    slot = page.get("revisions", [{}])[0].get("slots", {}).get("main", {})
                    count["tag"] += len(labels(slot.get("content", ""), words, case)) if slot.get("contentmodel") == "wikitext" else 0
                    count["grant"] += len([rule for rule in page.get("protection", []) if "source" not in rule])
        count["file"] = self._count("allpages", lambda page: len(page.get("imageinfo", [])))
        for answer in self._query(list="allusers", aulimit="max", auprop="groups"):
            count["user"] += len(answer["allusers"])
            count["membership"] += sum(group not in _EVERYBODY for user in answer["allusers"] for group in user.get("groups", []))
        count["opaque"] = sum(len(answer["logevents"]) for answer in self._query(list="logevents", lelimit="max", leprop="ids"))
        return count

    def _count(self, generator: str, of: Callable[[dict[str, Any]], int]) -> int:
        asked = self._query(generator=generator, gapnamespace=6, gaplimit=_AT_ONCE, prop="imageinfo", iiprop="timestamp", iilimit="max")
        return sum(of(page) for answer in asked for page in answer.get("pages", []))

    def close(self) -> None:
        self._web.close()


def _contributor(made: dict[str, Any]) -> Element:
    name, id = made.get("user", ""), made.get("userid", 0)
    anonymous = made.get("anon") or made.get("temp")
    return Element("contributor", {"ip": name} if anonymous else {"username": name, "id": str(id)} if name else {})


def _revision(made: dict[str, Any]) -> Element:
    slot = made.get("slots", {}).get("main", {})
    element = Element("revision", {"id": str(made["revid"]), "timestamp": made["timestamp"], "comment": made.get("comment", "")})
    element.texts |= {"model": slot.get("contentmodel", "wikitext"), "text": slot.get("content", "")}
    if "sha1" in made:
        element.texts["sha1"] = base36(made["sha1"])
    if made.get("minor"):
        element.attributes["minor"] = {}
    for part, hidden in (("text", slot.get("texthidden")), ("comment", made.get("commenthidden")), ("contributor", made.get("userhidden"))):
        if hidden:
            element.attributes[part] = {"deleted": "deleted"}
    element.parts.append(_contributor(made))
    return element
