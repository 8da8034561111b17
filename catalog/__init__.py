"""What exists and what it is called: the model, its store, its meaning, the system views.

Imports ``storage`` and ``core``; knows neither SQL text nor who may do what.
"""
