"""Looking at suspected labels and deciding: cards, the ledger file, the report, and the page for judging."""
