"""The floor of an export: reads the same pages and compresses the same bytes, in one process, and does nothing else.

Arguments: the API path, the CA's file, the user name, the token. Prints rows, bytes and CPU seconds as JSON.
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
_ID = re.compile(rb'\{"id":(\d+),"channel_id"')


def main(api_path: str, ca_file: str, username: str, token: str) -> None:
    """Read all orders with their lines."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file
    session.auth = (username, token)
    query = {"sort": "id:asc", "limit": "250", "include": "consignments.line_items", "consignment_structure": "object"}
    began, rows, size, last = time.process_time(), 0, 0, 0
    buffer = BytesIO()
    packed = gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=LEVEL, mtime=0)
    while True:
        body = session.get(f"{api_path}orders", params={**query, "min_id": str(last)}, timeout=60).content
        ids = [int(found) for found in _ID.findall(body) if int(found) > last]
        if not ids:
            break
        rows, last, size = rows + len(ids), ids[-1], size + len(body)
        packed.write(body)
        if buffer.tell() > 16 << 20:
            packed.close()
            buffer = BytesIO()
            packed = gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=LEVEL, mtime=0)
    packed.close()
    print(json.dumps({"rows": rows, "bytes": size, "cpu": time.process_time() - began}))


if __name__ == "__main__":
    main(*sys.argv[1:])
