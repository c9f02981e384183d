"""The kind of member `kernel`: kernel ridge regression on descriptors of edges and colours, fitted in seconds."""
