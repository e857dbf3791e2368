"""Reading what customers write: language, sentiment, topic and more, from the text alone."""
