"""The parts of egsc_tf.beam_translate, a pipeline of Apache Beam.

`files` reads and writes, `jobs` says what is to be made, `manifest` what was made,
`model` runs the networks, `steps` does what lies between, `records` writes TFRecords
and `pipeline` joins them all. They need the extra `beam`; nothing outside this package
and `egsc_tf.data.builders` imports apache-beam.
"""
