"""The REST API: HTTP in, use cases called, HTTP out. No SQL and no rule of the product lives here."""
