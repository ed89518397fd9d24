"""Training: of both stages, and of students."""
