"""Files of external tables as rows: which reader a table's SerDe means, and the engine SQL that reads them.

``formats`` tells formats apart, ``readers`` writes the SQL, ``files`` finds the files, ``scan`` puts them together.
"""
