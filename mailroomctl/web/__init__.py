"""The console: web pages for operators, on their own machine. Needs the extra ``console``.

``server``      the process: loopback only, and the address to open
``security``    who may ask: host, session, origin, token; the headers of every answer
``app``         which page answers which address
``context``     what all pages share
``rendering``   templates
``facts``       what pages show of the stack; ``newest`` finds messages, ``execution_log`` reads executions
``commands``    runs a command of ``mailroomctl`` for a page; ``jobs`` runs what takes long
``graph``       the workflow as a picture
``mail``        a mail as a page may show it
``pages``       one module for each page
"""
