"""Loads candles from files: CSV (plain, gzip, zstd) and Parquet, as fast as the server takes them, bad rows put aside."""
