"""The server: from a request to its answer, over HTTP or in this process."""
