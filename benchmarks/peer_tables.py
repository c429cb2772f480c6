"""One table to Parquet with a public tool, for benchmarks/tables.py: python peer_tables.py TOOL URL FOLDER.

sling writes Arrow instead: for Parquet it fetches another program.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote


def adbc(url: str, folder: Path) -> None:
    import pyarrow.parquet as pq

    system = url.partition(":")[0]
    connection = importlib.import_module(f"adbc_driver_{system}.dbapi").connect(url.removeprefix("sqlite:///"))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM item")
        reader = cursor.fetch_record_batch()
        with pq.ParquetWriter(folder / "item.parquet", reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)


def dlt(url: str, folder: Path) -> None:
    dlt, destinations, sources = (importlib.import_module(name) for name in ("dlt", "dlt.destinations", "dlt.sources.sql_database"))
    backend = {"backend": "pyarrow"} if url.startswith("sqlite") else {"backend": "connectorx", "backend_kwargs": {"conn": _with_host(url)}}
    table = sources.sql_table(url.replace("postgresql:", "postgresql+psycopg2:"), table="item", reflection_level="minimal", **backend)
    pipeline = dlt.pipeline("item", destination=destinations.filesystem(str(folder)), dataset_name="d", pipelines_dir=str(folder / "state"))
    pipeline.run(table, loader_file_format="parquet", write_disposition="replace")


def _with_host(url: str) -> str:
    """The folder of the socket where connectorx looks for it."""
    place, _, folder = url.partition("?host=")
    return place.replace("@/", f"@{quote(folder, safe='')}/")


def sling(url: str, folder: Path) -> None:
    found = importlib.util.find_spec("sling_linux_amd64")
    if found is None or found.submodule_search_locations is None:
        sys.exit("pip install sling-linux-amd64")
    program = Path(found.submodule_search_locations[0]) / "bin" / "sling-linux-amd64"
    stream = "main.item" if url.startswith("sqlite") else "public.item"
    environment = os.environ | {"SOURCE": url.replace("sqlite:///", "sqlite://"), "SLING_DISABLE_TELEMETRY": "true", "HOME": str(folder)}
    command = [str(program), "run", "--src-conn", "SOURCE", "--src-stream", stream, "--tgt-object", f"file://{folder}/item.arrow"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


TOOLS = {"adbc": adbc, "dlt": dlt, "sling": sling}

if __name__ == "__main__":
    TOOLS[sys.argv[1]](sys.argv[2], Path(sys.argv[3]))
