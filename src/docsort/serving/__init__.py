"""What was trained, in use: new pages answered by a command or from Python, outside of any Kedro project."""
