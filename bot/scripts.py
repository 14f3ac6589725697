"""The scripts that texts are written in, as parts of regular expressions."""

HAN = "[\u3400-\u9fff]"
"""A Chinese character."""

SPACED = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""A letter or digit of a script that puts spaces between words: Chinese, Japanese and Korean
characters never make their neighbour part of a longer word."""
