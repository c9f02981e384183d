"""Kinds of members that learn to read what nobody trains: features of a frozen network, or a few grey pixels."""
