"""Live scores: a customer's own history beside the store, new facts on top of it, the loaded model."""
