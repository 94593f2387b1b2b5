"""Control flow and calls as primitives: they hold programs or functions, and have all their rules.

Each takes one bundle and gives one. They stand above the transforms, which their rules apply to
what they hold; the transforms know them as they know any primitive.
"""
