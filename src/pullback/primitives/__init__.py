"""One class per primitive: how it computes, what type results, how it differentiates."""
