"""The log after the chat: proved, read, exported and erased. `bot.session_log` writes it."""
