"""Which hosts may be sent credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENTRY = re.compile(r"(?P<any>\*\.)?(?P<name>[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:(?P<port>[0-9]{1,5}))?")
HTTPS_PORT = 443


@dataclass(frozen=True)
class AllowedHosts:
    """The hosts that credentials may be sent to: entries ``host``, ``*.host`` (any subdomain) or ``host:port``.

    An entry without a port allows port 443 alone.
    """

    entries: tuple[tuple[bool, str, int], ...]

    @classmethod
    def parse(cls, text: str) -> AllowedHosts:
        """Read a comma-separated list; ValueError names the first entry that is none of the three forms."""
        names = [name.strip().lower() for name in text.split(",") if name.strip()]
        if not names:
            raise ValueError("names no host, unlike *.mybigcommerce.com,api.bigcommerce.com")
        return cls(tuple(_entry(name) for name in names))

    def allow(self, host: str, port: int) -> bool:
        """Tell whether an entry covers this host (lower case) and port."""
        return any(_covers(entry, host, port) for entry in self.entries)

    def __str__(self) -> str:
        return ", ".join(
            f"{'*.' if sub else ''}{name}{'' if port == HTTPS_PORT else f':{port}'}" for sub, name, port in self.entries
        )


def _entry(text: str) -> tuple[bool, str, int]:
    match = _ENTRY.fullmatch(text)
    port = int(match["port"] or HTTPS_PORT) if match else 0
    if not match or not 0 < port < 65536:
        raise ValueError(f"{text!r} is none of host, *.host, host:port")
    return bool(match["any"]), match["name"], port


def _covers(entry: tuple[bool, str, int], host: str, port: int) -> bool:
    subdomains, name, allowed_port = entry
    named = host.endswith("." + name) and len(host) > len(name) + 1 if subdomains else host == name
    return named and port == allowed_port
