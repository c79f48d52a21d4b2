"""Loads candles from files: CSV (plain, gzip, zstd) and Parquet, as fast as the server accepts them; bad rows are put aside."""
