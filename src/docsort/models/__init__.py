"""Models: any timm backbone by name, its weights on disk, and the pixels it expects.

Everything but `descriptions` imports torch, so it is imported inside worker processes only.
"""
