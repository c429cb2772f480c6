"""Records in the tables of real applications: proved by reading back, seen by a second witness, and in the applications' own pages."""

from __future__ import annotations

import csv
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from reversa.demo.ruche import write_ruche
from reversa.migrating import Road
from reversa.records import Grant
from reversa.reporting import Report
from tests import applications
from tests.applications import Application
from tests.paths import PROJECT

pytestmark = [pytest.mark.servers]
COMPANIES = """id,name,industry,staff,site,mail,phone,address,closed,by,made
c1,Garage de l’Étang,Automobile,12,https://garage.example,bonjour@garage.example,+33 1 23 45 67 89,"3 quai Sud, Brest",,u1,2024-03-01 10:00:00+01
c2,<b>Löwe</b> & Söhne,,,,,,,t,u2,2023-11-30 08:15:00.123456+00
"""
PEOPLE = "id,name,mail\nu1,Maëlle Le Goff,maelle@vendor.example\nu2,Jonas Löwe,jonas@vendor.example\n"
CONTACTS = """id,first,last,role,mail,phone,company,by,made
k1,Éloïse,Kerbrat,Chef d’atelier,eloise@garage.example,+33 6 00 00 00 00,c1,u1,2024-03-02 09:00:00+01
k2,,Ng,,,,,u2,2024-03-03 09:00:00+01
"""
DEALS = """id,title,amount,currency,chance,step,closes,company,by,made
d1,Pont élévateur ×2,12500.00,EUR,60,NEGOTIATION,2024-09-30,c1,u1,2024-03-05 16:20:00+01
d2,Contrat d’entretien,0.50,EUR,100,CLOSED_WON,2024-01-31,c2,u2,2024-01-05 16:20:00+01
"""
MAPPING = """
mapping: 1
source: {system: tiroir, tenant: tiroir.example, database: tables}
records:
  - {kind: user, from: people, id: id, fields: {full_name: name, emails: [mail]}}
  - kind: company
    from: companies
    id: id
    fields:
      {name: name, industry: industry, employees: staff, websites: [site], emails: [mail], phones: [phone], addresses: [address],
       state: {by: closed, values: {t: archived}}, created_by: {user: by}, created_at: made}
  - kind: contact
    from: contacts
    id: id
    fields:
      {given_name: first, family_name: last, title: role, emails: [mail], phones: [phone], company: {company: company},
       created_by: {user: by}, created_at: made}
  - kind: deal
    from: deals
    id: id
    fields:
      {title: title, amount: amount, currency: currency, probability: chance, stage: step, close_date: closes, company: {company: company},
       created_by: {user: by}, created_at: made}
"""


@pytest.fixture(scope="module")
def redmine(request: pytest.FixtureRequest) -> Iterator[Application]:
    with applications.redmine(request.getfixturevalue("postgresql")) as filled:
        yield filled


@pytest.fixture(scope="module")
def bottlecrm(request: pytest.FixtureRequest) -> Iterator[Application]:
    with applications.bottlecrm(request.getfixturevalue("postgresql")) as filled:
        yield filled


Ask = Callable[..., list[tuple[Any, ...]]]
"""Asks the database of an application in SQL."""


def asking(url: str) -> Ask:
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)

    def ask(sql: str, **values: object) -> list[tuple[Any, ...]]:
        with engine.begin() as connection:
            answer = connection.execute(sa.text(sql), values)
            return [tuple(row) for row in answer] if answer.returns_rows else []

    return ask


def everything(ask: Ask) -> dict[str, list[str]]:
    """Table → its rows."""
    names = [name for (name,) in ask("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'")]
    return {name: sorted(row for (row,) in ask(f'SELECT t::text FROM "{name}" t')) for name in names}


def differing(one: dict[str, list[str]], other: dict[str, list[str]]) -> set[str]:
    """The tables that are not the same."""
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def target(folder: Path, example: str, application: Application, **known: str) -> Path:
    """The example's mapping, of this application's database."""
    lines = (PROJECT / "examples" / example / "target.yaml").read_text(encoding="utf-8").splitlines()
    for old, new in {"database": application.url, **known}.items():
        lines = [f"{line.partition(old + ':')[0]}{old}: {new}" if line.strip().startswith(f"{old}:") else line for line in lines]
    (folder / "target.yaml").write_text("\n".join(lines), encoding="utf-8")
    return folder / "target.yaml"


def carry(source: Path, written: Path, run: Path, tenant: str | None = None) -> Report:
    """Export, plan, accept, import and verify."""
    road = Road(run)
    road.export(str(source), tenant=tenant)
    road.plan(f"mapped:{written}")
    with (run / "losses.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    with (run / "losses.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(line | {"accepted": "yes", "by": "A. Person"} for line in lines)
    road.accept(run / "losses.csv", lambda _: "")
    road.import_()
    return road.verify()


def page(address: str, application: Application) -> str:
    asked = urllib.request.Request(address, headers=dict(application.headers))  # noqa: S310 -- our own port
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        text: str = answer.read().decode()
    return text


def seen(address: str, application: Application, browser: Browser, picture: Path) -> str:
    """The words that a person sees at an address."""
    window = browser.new_page(viewport={"width": 1280, "height": 900}, extra_http_headers=dict(application.headers))
    window.goto(address)
    window.screenshot(path=picture)
    words = window.inner_text("body")
    window.close()
    return words


def test_pages_of_a_customer_stand_in_redmine(redmine: Application, browser: Browser, tmp_path: Path) -> None:
    write_ruche(tmp_path)
    source = tmp_path / "mapping.yaml"
    source.write_bytes((PROJECT / "reversa" / "demo" / "ruche" / "mapping.yaml").read_bytes())
    ask = asking(redmine.url)
    ask("DELETE FROM settings WHERE name = 'text_formatting'")
    ask("INSERT INTO settings (name, value, updated_on) VALUES ('text_formatting', 'markdown', now())")
    before = everything(ask)

    report = carry(source, target(tmp_path, "redmine", redmine), tmp_path / "run", tenant="trois-rives")
    assert report.verdict == "verified", report.reasons
    wrote = {balance.kind: balance.written for balance in report.import_balance if balance.written}
    assert wrote.keys() == {"user", "space", "page", "revision"}
    grants = [record for record, _ in Road(tmp_path / "run").package().records("grant") if isinstance(record, Grant)]
    denied = [grant for grant in grants if grant.effect == "deny"]
    assert report.headline.rights_widened == len(denied) > 0, "Redmine keeps nobody out of one page of a project"

    after = everything(ask)
    assert all(set(rows) <= set(after[name]) for name, rows in before.items()), "rows that were there are not as they were"
    ours = """FROM reversa_identity i JOIN wiki_pages p ON p.id = i.row_key::int JOIN wiki_contents c ON c.page_id = p.id
              JOIN wikis w ON w.id = p.wiki_id JOIN projects j ON j.id = w.project_id WHERE i.kind = 'page'"""
    assert ask(f"SELECT count(*), count(DISTINCT c.id) {ours}") == [(wrote["page"], wrote["page"])]
    newest = "SELECT v.data FROM wiki_content_versions v WHERE v.page_id = p.id ORDER BY v.version DESC LIMIT 1"
    assert ask(f"SELECT count(*) {ours} AND convert_from(({newest}), 'UTF8') <> c.text") == [(0,)]
    assert ask("SELECT count(*) FROM reversa_identity i JOIN users u ON u.id = i.row_key::int WHERE i.kind = 'user' AND u.hashed_password <> ''") == [
        (0,)
    ]
    assert ask("SELECT DISTINCT u.status FROM reversa_identity i JOIN users u ON u.id = i.row_key::int WHERE i.kind = 'user'") == [(3,)]

    public = f"{ours} AND j.is_public AND p.title ~ '^[[:alpha:]_— 0-9]+$'"
    (project, title, author) = ask(
        f"""SELECT j.identifier, p.title, (SELECT u.firstname FROM users u WHERE u.id = c.author_id) {public.replace("WHERE i", "WHERE c.text LIKE '## %' AND i")}
            ORDER BY p.id LIMIT 1"""
    )[0]
    with redmine.serve() as address:
        wiki = f"{address}/projects/{project}/wiki/{urllib.parse.quote(title)}"
        shown = title.replace("_", " ")
        assert f"<title>{shown} -" in page(wiki, redmine)
        words = seen(wiki, redmine, browser, tmp_path / "redmine.png")
        assert shown in words
        assert author in seen(f"{wiki}/history", redmine, browser, tmp_path / "history.png")
        assert shown in seen(f"{address}/projects/{project}/wiki/index", redmine, browser, tmp_path / "index.png")

    Road(tmp_path / "run").undo()
    assert differing(before, everything(ask)) == set()


def test_companies_and_deals_stand_in_bottlecrm(bottlecrm: Application, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    for name, rows in {"people": PEOPLE, "companies": COMPANIES, "contacts": CONTACTS, "deals": DEALS}.items():
        (tmp_path / "tables" / f"{name}.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    ask = asking(bottlecrm.url)
    ((organisation,), (pipeline,)) = ask("SELECT id::text FROM organization UNION ALL SELECT id::text FROM opportunity_pipeline")
    before = everything(ask)

    written = target(tmp_path, "bottlecrm", bottlecrm, org_id=organisation, pipeline_id=pipeline)
    report = carry(tmp_path / "mapping.yaml", written, tmp_path / "run")
    assert report.verdict == "verified", report.reasons
    assert {balance.kind: balance.written for balance in report.import_balance} == {"user": 2, "company": 2, "contact": 2, "deal": 2}

    after = everything(ask)
    assert all(set(rows) <= set(after[name]) for name, rows in before.items()), "rows that were there are not as they were"
    names = "SELECT a.name, a.is_active, a.created_at, u.name, u.password, u.is_active FROM accounts a JOIN users u ON u.id = a.created_by_id"
    found = {row[0]: row[1:] for row in ask(f"{names} JOIN reversa_identity i ON i.row_key = a.id::text")}
    assert found["<b>Löwe</b> & Söhne"][0] is False
    assert found["Garage de l’Étang"][1].isoformat() == "2024-03-01T09:00:00+00:00"
    assert {row[2:] for row in found.values()} == {("Maëlle Le Goff", "!", False), ("Jonas Löwe", "!", False)}
    with bottlecrm.serve() as address:
        assert "Garage de l’Étang" in page(f"{address}/api/accounts/?limit=100", bottlecrm)
        assert "Kerbrat" in page(f"{address}/api/contacts/?limit=100", bottlecrm)
        assert "Pont élévateur ×2" in page(f"{address}/api/opportunities/?limit=100", bottlecrm)
        assert "Pont élévateur ×2" in seen(f"{address}/api/opportunities/?limit=100", bottlecrm, browser, tmp_path / "bottlecrm.png")

    Road(tmp_path / "run").undo()
    assert differing(before, everything(ask)) == {"personal_access_token"}  # when the pages were asked for
