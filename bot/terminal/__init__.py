"""A conversation at a terminal: what is typed, what is shown, and why a reply was given.

repl            the loop, for a person and for a pipe
slash_commands  the table of `/` commands
words           what the terminal itself says, in every language it speaks
why             a decision, explained
screen          text that is inert and as wide as the terminal
line_breaks     where a line of Chinese may be broken
"""
