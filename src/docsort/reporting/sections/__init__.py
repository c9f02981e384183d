"""The sections of the report, a module each; their order is `report.SECTIONS`."""
