"""One module for each page: its addresses are in ``ROUTES``."""
