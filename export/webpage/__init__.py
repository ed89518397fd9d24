"""The page that translates inside a browser."""
