"""The parts of egsc_tf.beam_translate, a pipeline of Apache Beam.

`files` reads and writes, `jobs` says what is to be made, `manifest` what was made,
`model` runs the networks and `pipeline` joins them. They need the extra `beam`; nothing
outside this package and `egsc_tf.data.builders` imports apache-beam.
"""
