"""The command `docsort`: a file per command."""
