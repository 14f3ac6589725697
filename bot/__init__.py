"""What happens in one turn: text -> reading -> decision -> reply -> log."""

__version__ = "0.1.0"
