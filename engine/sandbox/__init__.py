"""Python functions of users, run in processes that can do nothing but compute.

``pool`` is the server's side: processes, batches, limits. ``worker`` and ``confinement`` run in such a process and
import nothing of ours. docs/decisions/0018-python-functions.md.
"""
