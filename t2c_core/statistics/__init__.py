"""Plain statistics: ranks, intervals, exact distributions, p-values."""
