"""The floor of an export: reads the same pages and compresses the same bytes, in one process, and does nothing else.

Arguments: the API path, the CA's file, the user name, the token, a file with the bytes that the export wrote. Prints
rows, CPU seconds and seconds of the clock as JSON.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import time
from io import BytesIO

import requests

LEVEL = 6
PART = 1 << 27
_ID = re.compile(rb'\{"id":(\d+),"channel_id"')


def main(api_path: str, ca_file: str, username: str, token: str, written: str) -> None:
    """Read all orders with their lines; compress what an export of them wrote."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file
    session.auth = (username, token)
    query = {"sort": "id:asc", "limit": "250", "include": "consignments.line_items", "consignment_structure": "object"}
    started, began, rows, last = time.monotonic(), time.process_time(), 0, 0
    while True:
        body = session.get(f"{api_path}orders", params={**query, "min_id": str(last)}, timeout=60).content
        ids = [int(found) for found in _ID.findall(body) if int(found) > last]
        if not ids:
            break
        rows, last = rows + len(ids), ids[-1]
    with open(written, "rb") as file:
        while chunk := file.read(PART):
            with gzip.GzipFile(fileobj=BytesIO(), mode="wb", compresslevel=LEVEL, mtime=0) as packed:
                packed.write(chunk)
    print(json.dumps({"rows": rows, "cpu": time.process_time() - began, "seconds": time.monotonic() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
