"""The report page: one HTML file drawn from a report document, in English or Italian."""
