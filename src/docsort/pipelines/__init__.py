"""The pipelines: nodes pick columns and call the library, pipeline files wire."""
