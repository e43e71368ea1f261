"""Mutation testing (G8): `make mutants` breaks the code in every small way and expects a test to fail each time.

Our own because what there is misses what matters here. The rules of this code are its constants, regular expressions
and tables as much as its functions: mutmut 3 changes nothing outside functions (of `contact.py` 16 of its 36 changes
are never run) and takes no statement away; cosmic-ray knows neither strings nor regular expressions, starts an
interpreter for each change and writes it into the source tree.
"""
