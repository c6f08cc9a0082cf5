"""Questions in SQL over the findings of all runs, by DuckDB."""

from __future__ import annotations

import tempfile
from pathlib import Path

from clusterprobe.access.deadline import Deadline
from clusterprobe.errors import UsageError
from clusterprobe.fleet.store import Store
from clusterprobe.words import visible_line

MOST_ROWS = 10_000


def query(store: Store, sql: str, since_day: str, limit: Deadline) -> tuple[list[str], list[list[str]], list[str]]:
    """The columns and the rows of a query over the table `findings`, one row a finding of a run from a day on (`2026-11-28`).

    Third, a sentence about each run whose findings could not be read, and are not in the table.
    Raises `UsageError` for SQL that DuckDB refuses, or if it is not installed. The query reads the table, and no file or address.
    """
    try:
        import duckdb
    except ImportError:
        raise UsageError("duckdb is not installed: pip install 'clusterprobe[store]'") from None
    with tempfile.TemporaryDirectory(prefix="clusterprobe-") as made:
        file = Path(made) / "findings.jsonl"
        found, troubles = store.lines(since_day, limit)
        file.write_bytes(found)
        connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
        try:
            connection.execute(_TABLE, [str(file), COLUMNS])
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            answer = connection.execute(sql)
            names = [column[0] for column in answer.description or []]
            rows = answer.fetchmany(MOST_ROWS + 1)
        except duckdb.Error as error:
            raise UsageError(visible_line(f"the query: {error}")) from None
        finally:
            connection.close()
    if len(rows) > MOST_ROWS:
        raise UsageError(f"the query: more than {MOST_ROWS} rows; add a LIMIT, or count them")
    return names, [["" if value is None else str(value) for value in row] for row in rows], troubles


_TABLE = "CREATE TABLE findings AS SELECT * FROM read_json(?, columns = ?, format = 'newline_delimited')"
_TEXTS = "cluster cluster_name run fingerprint probe code severity kind namespace name environment problem cause"
COLUMNS = {**dict.fromkeys(_TEXTS.split(), "VARCHAR"), "first": "TIMESTAMPTZ", "finished": "TIMESTAMPTZ", "new": "BOOLEAN"}
