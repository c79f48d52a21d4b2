"""Places of sets: folders and buckets, copies from one to the other, and pgBackRest's repository as files."""
