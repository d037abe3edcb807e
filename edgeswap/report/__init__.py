"""The report for people: on a terminal, as a page, as figures."""
