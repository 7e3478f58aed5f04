"""The ledger: what the article claims, and what measurements say of it."""
