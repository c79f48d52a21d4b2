"""The policy pack: rules for every resource of a stack, checked before anything is created."""
