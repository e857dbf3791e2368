"""The desk: the retention team's ranked list and customer page, drawn on the server from stored records."""
