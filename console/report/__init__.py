"""One page of HTML that shows a stack's state: offline, light and dark, readable on a phone and by keyboard."""
