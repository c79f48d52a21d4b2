"""Places for sets: folders and buckets, what is copied from one to the other, and pgBackRest's repository as files."""
