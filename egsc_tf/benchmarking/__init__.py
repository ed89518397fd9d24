"""How fast the steps and translations are."""
