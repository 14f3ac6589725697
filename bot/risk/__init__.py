"""What the bot may answer at the risk its owner accepts, measured on messages nobody trained on.

off_topic   messages that no help centre answers
trials      held-out messages, as each way of answering would have answered them
searching   which encoder's vectors find the articles
thresholds  the score that each way of answering needs
traffic     whether messages are still like those that the thresholds were certified on
"""
