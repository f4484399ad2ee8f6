"""Dated archives over HTTP: ``http-series`` (a template of time) and ``http-index`` (a list).

Two providers that share templates, slots, credentials and checksums; each is a module of its own:
``series`` and ``index``.
"""
