"""Text of libraries, which name what they opened, without the secrets of an address."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from fer_batch.live.source_url import IN_PATH, Address

_SHORTEST = 3
"""Letters of a secret that is looked for by itself: shorter ones are part of half of all words."""


def scrubbed(text: str, address: Address) -> str:
    """The text with the address as it may be shown, and dots in place of its password and query."""
    if address.kind != "stream":
        return text
    parts = urlsplit(address.secret)
    user = parts.netloc.rpartition("@")[0]
    secrets = {user, parts.password or "", unquote(parts.password or ""), parts.query}
    secrets |= {found[2] for found in IN_PATH.finditer(parts.path)}
    text = text.replace(address.secret, address.shown)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "...")
    return text
