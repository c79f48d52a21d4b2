"""Fills a stack with real and demo data. Every loader can run again and then changes nothing."""
