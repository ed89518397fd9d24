"""The paper's two toy data sets, drawn from handwritten digits."""
