"""A small made-up application of a successor, and the mapping through which it is written and read back."""

from __future__ import annotations

from pathlib import Path

KEY = {"sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT", "postgresql": "SERIAL PRIMARY KEY", "mariadb": "INTEGER AUTO_INCREMENT PRIMARY KEY"}
TIME = {"sqlite": "DATETIME", "postgresql": "TIMESTAMP", "mariadb": "DATETIME(6)"}
TABLES = """
CREATE TABLE teams (id {key}, name TEXT, state VARCHAR(10));
CREATE TABLE people (
    id {key}, type VARCHAR(20) NOT NULL, login TEXT, name VARCHAR(12), mail TEXT, active BOOLEAN, lang VARCHAR(20), state VARCHAR(10), secret VARCHAR(40) NOT NULL,
    sort INTEGER NOT NULL, joined {time}
);
CREATE TABLE settings (id {key}, person_id INTEGER NOT NULL REFERENCES people (id), name VARCHAR(20) NOT NULL, value TEXT);
CREATE TABLE rooms (
    id {key}, name TEXT, title TEXT, visible INTEGER, about TEXT, parent_id INTEGER REFERENCES rooms (id),
    author_type VARCHAR(20), author_id INTEGER, state VARCHAR(10), made {time}, changed {time}
);
CREATE TABLE posts (
    id {key}, room_id INTEGER REFERENCES rooms (id), thread_id INTEGER REFERENCES posts (id), answer_to INTEGER REFERENCES posts (id),
    author_type VARCHAR(20), author_id INTEGER, subject TEXT NOT NULL, text TEXT, old_url TEXT, state VARCHAR(10), made {time}, changed {time}
);
CREATE TABLE documents (
    id {key}, parent_id INTEGER REFERENCES documents (id), title TEXT, status VARCHAR(10), current_id INTEGER, made {time}, old_url TEXT
);
CREATE TABLE remarks (id {key}, on_type VARCHAR(20) NOT NULL, on_id INTEGER, author_type VARCHAR(20), author_id INTEGER, text TEXT, state VARCHAR(10), made {time});
CREATE TABLE versions (
    id {key}, of_type VARCHAR(20), of_id INTEGER, label TEXT, minor BOOLEAN, html TEXT, author_type VARCHAR(20), author_id INTEGER,
    place BIGINT, state VARCHAR(10), made {time}
)
"""
MAPPING = """
mapping: 1
source: {{system: board, tenant: demo, database: "{database}", zone: UTC}}
records:
  - kind: group
    from: teams
    id: id
    fields: {{name: name, state: state}}
    write: {{}}

  - kind: user
    from: people
    where: type = 'Member'
    id: id
    fields:
      username: login
      display_name: name
      emails: [mail]
      active: active
      locale: lang
      state: state
      created_at: joined
      user_type: {{is: member}}
    write: {{type: Member, secret: '', sort: {{column: id}}, lang: en}}
    also:
      - settings: {{person_id: {{column: id}}, name: greeting, value: {{column: name}}}}
      - settings: {{person_id: {{column: id}}, name: theme, value: plain}}

  - kind: space
    from: rooms
    id: id
    fields:
      name: name
      title: title
      visibility: {{by: visible, values: {{1: public, 0: private, 2: unknown}}}}
      description: about
      parent: {{space: parent_id}}
      created_by: *author
      state: state
      created_at: made
      updated_at: changed
    write: {{}}

  - kind: page
    from: documents
    id: id
    fields:
      title: title
      parent: {{page: parent_id}}
      state: {{by: status, values: {{shown: live, draft: draft, stored: archived, gone: deleted}}}}
      head: {{revision: current_id}}
      created_at: made
      url: old_url
    write: {{}}

  - kind: message
    from: posts
    id: id
    fields:
      space: {{space: room_id}}
      thread: {{message: thread_id}}
      reply_to: {{message: answer_to}}
      subject: subject
      body: {{plain: text}}
      created_by: *author
      state: state
      created_at: made
      updated_at: changed
      url: old_url
    write: {{subject: ''}}

  - kind: comment
    from: remarks
    id: id
    fields:
      target: {{by: on_type, values: {{Post: {{message: on_id}}, Person: {{user: on_id}}}}}}
      body: {{plain: text}}
      created_by: *author
      state: state
      created_at: made
    write: {{}}

  - kind: revision
    from: versions
    id: id
    fields:
      target: {{by: of_type, values: {{Document: {{page: of_id}}, Post: {{message: of_id}}, Remark: {{comment: of_id}}}}}}
      number: label
      order: place
      minor: minor
      body: {{html: html}}
      created_by: *author
      state: state
      created_at: made
    write: {{}}
"""
_AUTHOR = "{by: author_type, values: {Person: {user: author_id}, Team: {group: author_id}}}"


def statements(system: str) -> list[str]:
    """What makes the tables of the application on a system."""
    tables = TABLES.replace("TEXT", "LONGTEXT") if system == "mariadb" else TABLES  # whose TEXT ends at 64 KiB
    made = [statement.strip() for statement in tables.format(key=KEY[system], time=TIME[system]).split(";")]
    return ["ALTER DATABASE CHARACTER SET utf8mb4", *made] if system == "mariadb" else made


def write_mapping(folder: Path, database: str) -> Path:
    """The mapping of an application whose database is at that address."""
    path = folder / "successor.yaml"
    path.write_text(MAPPING.format(database=database).replace("*author", _AUTHOR), encoding="utf-8")
    return path
