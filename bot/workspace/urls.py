"""Where data may be sent: where nobody on the way can read it."""

from urllib.parse import urlsplit

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def is_private(url: str) -> bool:
    """Whether a URL is https, or http on this machine.

    >>> is_private("https://shop.example/orders"), is_private("http://shop.example/orders")
    (True, False)
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _HERE))
