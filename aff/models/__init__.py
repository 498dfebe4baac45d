"""Networks with a fusion in their blocks: families, one factory, parameter files, and what networks
cost.
"""
