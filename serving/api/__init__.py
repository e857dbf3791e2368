"""The HTTP interface: routes, strict reading of requests, problem documents, the gate before all of it."""
