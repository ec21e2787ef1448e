"""The mesh as data: what rules match, and what hosts are called."""
