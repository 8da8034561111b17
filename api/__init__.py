"""AWS's interfaces of Redshift over HTTP: the Data API and the management of clusters."""
