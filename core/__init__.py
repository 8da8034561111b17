"""Words that every layer uses: types, errors, names, events, options, the clock.

Pure values and functions. Imports nothing of ours; a new module here needs a decision record.
"""
