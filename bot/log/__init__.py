"""The log after the chat: proved, read, exported and erased. `bot.sessions` writes it."""
