"""Rewrite rules, a module a family: each row says how one kind of expression is written for the engine."""
