"""What customers say, as expressions over a snapshot: scores, texts, complaints, requests, deeds."""
