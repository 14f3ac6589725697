"""A trained version before it goes live: it meets the live one, and what came of it is a page."""
