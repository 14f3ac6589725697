"""The live log, watched: what the bot does now, and alerts when it does worse than chance explains.

log         rows of the log that are new
chats       what becomes of each chat, while it goes on
measures    counts by hour and intent, for people
windows     counts by quarter of an hour, for the statistics
surges      when more is going wrong than chance explains
alerts      what is told of that, and once
shift       whether the messages are still like those that the thresholds were certified on
watch       all of them, refreshed together
live        a screen that is drawn anew while it is watched
view, keys  a terminal; webhook  an HTTP endpoint
"""
