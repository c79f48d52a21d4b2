"""Fills a stack with real and demo data. Every loader can be run again and then changes nothing."""
