"""The commands, one file each; `add_to(app)` puts a command on the command line."""
