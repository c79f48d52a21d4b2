"""The policy pack: rules that every resource of a stack is held against before anything is made."""
