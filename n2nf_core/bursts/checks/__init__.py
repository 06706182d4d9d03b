"""What is found out about the frames of a burst before anything is learned from them, in one pass."""
