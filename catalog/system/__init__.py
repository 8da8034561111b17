"""The system catalogs: pg_catalog, information_schema, SVV, STL, STV, SVL and SYS views.

``sources`` turns the catalog into Arrow tables named ``sys_*``; ``VIEWS`` (in ``views``) holds every
system view as a row whose query reads them; ``functions`` holds the catalog functions as engine macros.
Nothing here runs a query: ``session`` registers the sources and ``sql`` expands the views in place.
"""
