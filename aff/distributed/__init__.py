"""All that exists only for several processes: their start, their lines to one another, their
sums.
"""
