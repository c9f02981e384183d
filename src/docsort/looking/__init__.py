"""A model that needs no training: what a page is and how it lies, told from its edges and colours in seconds."""
