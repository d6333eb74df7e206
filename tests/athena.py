"""What Athena shows of exported files: the tables and views of template.yaml themselves, over the files, in DuckDB.

It is not Athena. The views' SQL is the template's, word for word, and so are the tables' columns and places; functions
of Trino that DuckDB lacks are macros. Read as Athena and its SerDe read: every file below a table's place but what lies
below a name that begins with an underscore or a dot; numbers, booleans, objects and lists of a text column as JSON.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from sandbox.template import Template

TEMPLATE = Template.load(Path(__file__).parents[1] / "template.yaml")
NAMES = {"ExportBucket": "bucket", "ExportDatabase": "storekey"}
TYPES = {"string": "VARCHAR"}  # Glue's, to DuckDB's
MACROS = """
CREATE MACRO parse_datetime(text, format) AS CASE format
    WHEN 'EEE, dd MMM yyyy HH:mm:ss Z' THEN strptime(text, '%a, %d %b %Y %H:%M:%S %z') END;
CREATE MACRO from_iso8601_timestamp(text) AS CAST(text AS TIMESTAMPTZ);
"""


@dataclass(frozen=True)
class View:
    """A view: its SQL, and the types of its columns by their names, as Athena and as Glue have them."""

    sql: str
    columns: Mapping[str, str]
    glue_columns: Mapping[str, str]


def latest(exported: Path | Mapping[str, bytes], resource: str, store: str = "store") -> list[dict[str, Any]]:
    """Return the rows of the view ``<resource>_latest``, by id, over a bucket: a folder, or its objects by their keys.

    Money comes as Decimal, dates as datetime in UTC without a zone, objects and lists as JSON text.
    """
    with opened(exported, store) as connection:
        found = connection.execute(f"SELECT * FROM ({view(resource).sql}) ORDER BY id")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def types(resource: str) -> dict[str, str]:
    """Return what the view's SQL yields: DuckDB's types by the columns' names."""
    with opened({}) as connection:
        described = connection.execute(f"DESCRIBE {view(resource).sql}").fetchall()
    return {row[0]: row[1] for row in described}


def view(resource: str) -> View:
    """Return the view ``<resource>_latest`` of the template."""
    table = _glue()[f"{resource}_latest"]
    prefix, encoded, suffix = table["ViewOriginalText"].partition("/* Presto View: ")[2].partition(" */")
    definition = json.loads(base64.b64decode(prefix, validate=True))
    assert (encoded, suffix) == (" */", "")
    assert (definition["catalog"], definition["schema"]) == ("awsdatacatalog", NAMES["ExportDatabase"])
    columns = {column["name"]: column["type"] for column in definition["columns"]}
    return View(definition["originalSql"], columns, _columns(table))


@contextmanager
def opened(exported: Path | Mapping[str, bytes], store: str = "store") -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the template's tables over a bucket, for SQL of Athena's."""
    with tempfile.TemporaryDirectory() as temporary, duckdb.connect() as connection:
        folder = exported if isinstance(exported, Path) else _written(Path(temporary), exported)
        # Another zone than the files', so that a time taken for local shows.
        connection.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'America/New_York'")
        connection.execute(MACROS)
        for name, table in _glue(store).items():
            if table["TableType"] == "EXTERNAL_TABLE":
                _load(connection, name, table, folder)
        yield connection


def _glue(store: str = "store") -> dict[str, Any]:
    template = TEMPLATE.with_parameters({"StoreName": store})
    found = template.resources("AWS::Glue::Table").values()
    tables = [template.resolve(resource["Properties"]["TableInput"], NAMES) for resource in found]
    return {table["Name"]: table for table in tables}


def _columns(table: Mapping[str, Any]) -> dict[str, str]:
    return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}


def _load(connection: duckdb.DuckDBPyConnection, name: str, table: Mapping[str, Any], folder: Path) -> None:
    columns = {column: TYPES[kind] for column, kind in _columns(table).items()}
    partitions = [key["Name"] for key in table["PartitionKeys"]]
    place = folder / table["StorageDescriptor"]["Location"].removeprefix(f"s3://{NAMES['ExportBucket']}/")
    declared = ", ".join(f'"{column}" {kind}' for column, kind in {**columns, "$path": "VARCHAR"}.items())
    parts = ", ".join(f'"{partition}" VARCHAR' for partition in partitions)
    connection.execute(f'CREATE TABLE "{name}" ({declared}, {parts})')
    if files := [str(file) for file in sorted(place.rglob("*")) if file.is_file() and _seen(file.relative_to(place))]:
        found = ", ".join(f"""regexp_extract("$path", '/{partition}=([^/]+)/', 1)""" for partition in partitions)
        options = "format = 'newline_delimited', filename = '$path', hive_partitioning = false"
        insert = f'INSERT INTO "{name}" SELECT *, {found} FROM read_json($files, columns = $columns, {options})'
        connection.execute(insert, {"files": files, "columns": columns})


def _seen(path: Path) -> bool:
    return not any(part.startswith(("_", ".")) for part in path.parts)


def _written(folder: Path, objects: Mapping[str, bytes]) -> Path:
    for key, body in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder
