"""External schemas for the session: data catalogs, their tables as the translator sees them, and their scans."""
