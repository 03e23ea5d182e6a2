import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def split_rate(rate):
    """(how many, in how many seconds) of a rate written « 5/h »."""
    count, period = re.fullmatch(r"(\d+)/([smhd])", rate).groups()
    return int(count), SECONDS[period]
