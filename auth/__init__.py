"""Who someone is, and what they may do: decides and never executes.

Pure values and functions over the structural types of ``auth.authorize``, ``auth.exchange`` and
``auth.grants``; ``session`` puts the catalog's own values in.
"""
