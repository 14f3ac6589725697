"""What a reply quotes of the passages that were found: whole sentences, in the article's words."""
