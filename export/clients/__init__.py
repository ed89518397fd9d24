"""How images reach a server and come back."""
