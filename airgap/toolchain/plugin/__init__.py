"""What both resource plugins of this project share: the process, Pulumi's service, values on the wire, messages to the engine."""
