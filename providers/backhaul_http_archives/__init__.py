"""Dated archives: ``http-series`` (a template of time), ``http-index`` (a list) and ``s3-prefix`` (a bucket).

Three providers that share templates, slots, names and checksums, each in its own module:
``series``, ``index`` and ``s3``.
"""
