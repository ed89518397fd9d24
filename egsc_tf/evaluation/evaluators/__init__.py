"""The metrics of egsc_tf.evaluate, a family in each file.

An evaluator is a function (context, direction, names) -> {result: value} for the
metrics that it computes; context: egsc_tf.evaluation.context.EvaluationContext.
Pictures go to context.output.
"""
