"""The report for people: terminal, HTML, plots."""
