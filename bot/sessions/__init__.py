"""A conversation on disk, while it goes on: written turn by turn, gone on with tomorrow.

session_log  every turn, committed before its reply is shown
migrations   the schema of frontdesk.db
restoring    a state as JSON, and back
resuming     a session that goes on in another process
handover     the queue of conversations that a person is to take over
"""
