"""The one kind of error this package raises on bad input.

FinetuneError        a file, a chat or a number that cannot be used
└── NoModel          there is no usable model version (the caller exits with 3)

`str(error)` is a whole sentence that ends in what to do about it.
"""


class FinetuneError(Exception):
    """Bad input to `finetune`; the message names the place, the fault and the mend."""


class NoModel(FinetuneError):
    """No model version can be opened: none made yet, or its files are missing or damaged."""
