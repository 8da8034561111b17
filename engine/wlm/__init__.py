"""Workload management: which statement runs when, and what is done about one that asks for too much."""
