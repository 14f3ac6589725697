"""What the sample bot does besides talking. A real shop would ask its order system here."""

SENT = frozenset({"TT-100200", "TT-204060", "TT-999999"})
"""Orders that have left the warehouse."""


def order_number(value: str) -> str:
    """`validate` of order_id: the number as the shop writes it."""
    number = value.upper()
    if number == "TT-000000":
        raise ValueError("There is no order TT-000000.")
    return number


def stop_order(slots: dict[str, str]) -> None:
    """The action `stop_order`: whatever it raises is a failure, and the bot says so."""
    if slots["order_id"] in SENT:
        raise LookupError("the order has left the warehouse")
