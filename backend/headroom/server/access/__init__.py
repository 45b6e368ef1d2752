"""Who may use the server, over what connection, and how much of it."""
