"""The management interfaces, ``redshift`` and ``redshift-serverless``: this server as a cluster and a workgroup."""
