"""Answers by HTTP: the service, its page and its limits."""
