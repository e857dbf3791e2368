"""The page of what moves people: words, tables, a map and event studies, drawn from the document."""
