"""Draws document photos of 17 types, with planted wrong labels and a damaged test split.

A package of its own: it needs numpy, pandas, pydantic, Pillow and OpenCV, and knows nothing of docsort.
"""
