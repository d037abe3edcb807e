"""What a model is for: which labels it takes, how it is scored, and what an app does with its outputs."""
