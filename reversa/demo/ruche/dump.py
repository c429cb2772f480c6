"""The database as ``pg_dump --no-owner --no-privileges`` of PostgreSQL 15 writes it, to the byte.

The server's time zone is Europe/Paris, as a French vendor's would be: the offsets of ``timestamp with time zone``
change with the seasons, and ``timestamp without time zone`` holds the local time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from reversa.demo.ruche.schema import INDEXES, PERMISSION_LEVELS, TABLES, Column, Table
from reversa.demo.ruche.store import Row, Store, Value

PARIS = ZoneInfo("Europe/Paris")

_HEAD = """--
-- PostgreSQL database dump
--

-- Dumped from database version 15.6 (Debian 15.6-0+deb12u1)
-- Dumped by pg_dump version 15.6 (Debian 15.6-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
"""
_SETTINGS = "SET default_tablespace = '';\n\nSET default_table_access_method = heap;\n"
_FOOT = "--\n-- PostgreSQL database dump complete\n--\n\n"
_ESCAPES = {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_ESCAPED = re.compile(r"[\\\b\f\n\r\t\v]")
_RESERVED = {"position"}  # pg_dump quotes these names


def write_dump(store: Store) -> str:
    """The whole dump."""
    return "\n".join([_HEAD, *_statements(store), _FOOT])


def _statements(store: Store) -> Iterator[str]:
    """Each statement under its heading, in the order of pg_dump: by kind, then by name."""
    tables = [TABLES[name] for name in sorted(TABLES)]
    serials = [table for table in tables if table.serial]
    yield _entry("permission_level", "TYPE", _enum("permission_level", PERMISSION_LEVELS))
    yield _SETTINGS
    for table in tables:
        yield _entry(table.name, "TABLE", _create(table))
        if table.serial:
            yield from _sequence(table.name)
    for table in serials:
        default = f"ALTER TABLE ONLY public.{table.name} ALTER COLUMN id SET DEFAULT nextval('public.{table.name}_id_seq'::regclass);\n"
        yield _entry(f"{table.name} id", "DEFAULT", default)
    for table in tables:
        yield _entry(table.name, "TABLE DATA", _copy(table, store.rows[table.name]), prefix="Data for ")
    for table in serials:
        used = len(store.rows[table.name])
        yield _entry(f"{table.name}_id_seq", "SEQUENCE SET", f"SELECT pg_catalog.setval('public.{table.name}_id_seq', {used}, true);\n")
    for table in tables:
        if table.primary_key:
            yield _constraint(table.name, f"{table.name}_pkey", "CONSTRAINT", f"PRIMARY KEY ({table.primary_key})")
    for name in sorted(INDEXES):
        yield _entry(name, "INDEX", f"CREATE {INDEXES[name]};\n")
    for name, owner, column in sorted((f"{table.name}_{c.name}_fkey", table.name, c) for table in tables for c in table.columns if c.refers_to):
        key = TABLES[column.refers_to or ""].primary_key
        yield _constraint(owner, name, "FK CONSTRAINT", f"FOREIGN KEY ({column.name}) REFERENCES public.{column.refers_to}({key})")


def _entry(name: str, type: str, statement: str, prefix: str = "") -> str:
    return f"--\n-- {prefix}Name: {name}; Type: {type}; Schema: public; Owner: -\n--\n\n{statement}\n"


def _constraint(table: str, name: str, type: str, rule: str) -> str:
    return _entry(f"{table} {name}", type, f"ALTER TABLE ONLY public.{table}\n    ADD CONSTRAINT {name} {rule};\n")


def _enum(name: str, labels: tuple[str, ...]) -> str:
    return f"CREATE TYPE public.{name} AS ENUM (\n" + ",\n".join(f"    '{label}'" for label in labels) + "\n);\n"


def _create(table: Table) -> str:
    lines = ",\n".join(f"    {_quoted(column.name)} {column.type}" for column in table.columns)
    return f"CREATE TABLE public.{table.name} (\n{lines}\n);\n"


def _sequence(table: str) -> Iterator[str]:
    name = f"{table}_id_seq"
    rules = "    START WITH 1\n    INCREMENT BY 1\n    NO MINVALUE\n    NO MAXVALUE\n    CACHE 1;\n"
    yield _entry(name, "SEQUENCE", f"CREATE SEQUENCE public.{name}\n{rules}")
    yield _entry(name, "SEQUENCE OWNED BY", f"ALTER SEQUENCE public.{name} OWNED BY public.{table}.id;\n")


def _quoted(name: str) -> str:
    return f'"{name}"' if name in _RESERVED else name


def _copy(table: Table, rows: list[Row]) -> str:
    columns = ", ".join(_quoted(column.name) for column in table.columns)
    lines = ("\t".join(_field(column, row.values.get(column.name)) for column in table.columns) + "\n" for row in rows)
    return f"COPY public.{table.name} ({columns}) FROM stdin;\n{''.join(lines)}\\.\n"


def _field(column: Column, value: Value) -> str:
    if value is None:
        return "\\N"
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], _shown(column, value))


def _shown(column: Column, value: Value) -> str:
    """A value as PostgreSQL shows it."""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return _moment(value, zone="with time zone" in column.type)
    if isinstance(value, dict):
        return json.dumps(_ordered(value) if column.type == "jsonb" else value, ensure_ascii=False)
    return str(value)


def _moment(value: datetime, *, zone: bool) -> str:
    local = value.astimezone(PARIS)
    fraction = f".{local.microsecond:06}".rstrip("0") if local.microsecond else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction}{f'{local:%z}'[:3] if zone else ''}"


def _ordered(value: Any) -> Any:
    """With keys in the order of ``jsonb``: the short ones first."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: (len(key.encode()), key))}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
