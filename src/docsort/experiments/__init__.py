"""Many runs: a queue of experiments on disk, the search for settings, and which of them is really better.

An experiment is a `kedro run` with changed parameters, in a process of its own and with a folder of results of its own;
what is kept by content (renders, trained members, predictions) all share.
"""
