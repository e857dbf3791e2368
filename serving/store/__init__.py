"""Where scores and the service's own facts live: generations, keys, sign-in codes, sessions."""
