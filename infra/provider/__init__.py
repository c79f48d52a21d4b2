"""The project's own Pulumi provider: secrets, certificates, ports, files in volumes, and the accounts inside the three stores.

Each kind of resource is declared beside what makes it: `passwords.py` has `Password`, which programs call, and `PasswordKind`, which runs
in the plugin's process. `declaration.py` says how.
"""

VERSION = "0.1.0"
