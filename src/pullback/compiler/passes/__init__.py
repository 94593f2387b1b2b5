"""Rewrites of a program that preserve its meaning: each a pure function in a file of its own."""
