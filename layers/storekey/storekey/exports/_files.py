"""The files of the exports in S3, written by conditional requests so that nobody overwrites a newer one."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ._run import Part

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The standard library's default is 9: a few per cent smaller, and half as fast.
COMPRESSION = 6
_GZIP = 31  # zlib's number for a gzip header, whose time is 0 then
_ATTEMPTS = 5
_SOMEBODY_WROTE = ("PreconditionFailed", "ConditionalRequestConflict")


class PartFile:
    """Rows on their way into one part: compressed in memory, the same bytes for the same rows."""

    def __init__(self) -> None:
        self._buffer = BytesIO()
        # Not gzip.GzipFile, which writes when it is thrown away, too.
        self._gzip = zlib.compressobj(COMPRESSION, wbits=_GZIP)
        self.rows = 0
        self.first_id = 0
        self.last_id = 0

    def add(self, row_id: int, line: bytes) -> None:
        """Add a row's line."""
        self._buffer.write(self._gzip.compress(line))
        self.first_id = self.first_id or row_id
        self.last_id = row_id
        self.rows += 1

    @property
    def size(self) -> int:
        """The compressed bytes so far."""
        return self._buffer.tell()

    def close(self) -> tuple[bytes, Part]:
        """Return the file and what is to be noted of it."""
        self._buffer.write(self._gzip.flush())
        body = self._buffer.getvalue()
        return body, Part(self.rows, len(body), hashlib.sha256(body).hexdigest(), self.first_id, self.last_id)


class Files:
    """The bucket of the exports. What AWS refuses or cannot do is raised as botocore's errors."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put_part(self, key: str, body: bytes, part: Part, still_ours: Callable[[], None]) -> None:
        """Write a part; ``still_ours`` renews the lease and raises when it is lost.

        Whoever was asked after the lease and then slept may wake up when somebody else has written the part. So the
        first write demands that there is none yet; and one over a part that a killed invocation left demands the one
        that was seen before the lease was asked for again.
        """
        condition: dict[str, Any] = {"IfNoneMatch": "*"}
        for attempt in range(_ATTEMPTS):
            still_ours()
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType="application/gzip",
                    Metadata={"sha256": part.sha256},
                    **condition,
                )
            except self._client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in _SOMEBODY_WROTE or attempt == _ATTEMPTS - 1:
                    raise
                found = self._client.head_object(Bucket=self._bucket, Key=key)
                if found["Metadata"].get("sha256") == part.sha256:
                    return  # the answer to an earlier attempt got lost
                condition = {"IfMatch": found["ETag"]}
            else:
                return

    def put_manifest(self, key: str, manifest: Mapping[str, Any]) -> None:
        """Write a manifest: one line of JSON, as SQL engines read it."""
        body = json.dumps(manifest, separators=(",", ":")) + "\n"
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body.encode(), ContentType="application/json")
