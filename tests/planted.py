"""A person who is found wherever they come out, and every form in which a text could."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from urllib.parse import quote, quote_plus

from sandbox.aws import Stack

# No word of these is in any code, name or message of the project.
PERSON = {
    "first_name": "Ottokar",
    "last_name": "Žwetschge",
    "email": "ottokar@planted.example",
    "phone": "+49 5550 199 377",
    "street_1": "Quittengasse 17b",
    "ip_address": "203.0.113.77",
    "staff_notes": "<beware> of the dachshund",
}


def forms_of(text: str) -> set[str]:
    """Return a text as it is, in a JSON or Python text, in an address, in HTML, and inside something in base64."""
    plain = {text, json.dumps(text)[1:-1], ascii(text)[1:-1], quote(text, safe=""), quote_plus(text), escape(text)}
    return plain | {_within_base64(text.encode(), before) for before in range(3)}


def found(texts: Iterable[str], told: str) -> list[str]:
    """Return the forms of the texts that are in what was told."""
    return [form for text in texts for form in sorted(forms_of(text)) if form in told]


def kept(stack: Stack) -> str:
    """Return all items of the stack's tables, and take all messages out of its queues."""
    names, resources = stack.names, stack.template.resources
    tables = [names[each] for each in resources("AWS::DynamoDB::Table")]
    scan, receive = stack.aws.client("dynamodb").scan, stack.aws.client("sqs").receive_message
    letters = [receive(QueueUrl=url, MaxNumberOfMessages=10).get("Messages") for url in stack.queues]
    return str([*(scan(TableName=table)["Items"] for table in tables), *letters])


def _within_base64(text: bytes, before: int) -> str:
    """Return the digits that stand for a text alone, so many bytes behind a group's begin."""
    digits = b64encode(bytes(before) + text).decode().rstrip("=")
    return digits[-(-before * 8 // 6) : (before + len(text)) * 8 // 6]
