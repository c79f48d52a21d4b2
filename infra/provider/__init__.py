"""The project's own Pulumi provider: secrets, certificates, ports, files in volumes, and the accounts inside the three stores.

`resources.py` is for Pulumi programs; everything else runs in the plugin's process.
"""

VERSION = "0.1.0"
