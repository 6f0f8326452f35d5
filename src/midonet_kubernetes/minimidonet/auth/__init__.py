"""Who may use the API: everybody on this machine (MidoNet's mock), or users from a file."""
