"""A person says what the messages ask for that the bot is least sure of; the answers become chats.

items     a message with the turns before it
queue     which messages are asked about, in which order
kept      chats/reviewed.jsonl
terminal  one key a label
lines     the same through a pipe
"""
