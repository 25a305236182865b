"""What predictions did: recorded without delay, written in batches, added up over processes."""
