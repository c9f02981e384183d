"""Label review: cards, the ledger file, the report, and the page for judging."""
