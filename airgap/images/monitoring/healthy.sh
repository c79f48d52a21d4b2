#!/bin/bash
# Whether Prometheus and Alertmanager are ready, over TLS and with the password; a missing exporter ends the container. Cheaper than promtool.
set -euo pipefail
settings=/run/christmas
login=$(printf 'monitoring:%s' "$(<"$settings/web.password")" | base64 -w0)
for port in 9090 9093; do
    printf 'GET /-/ready HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\nConnection: close\r\n\r\n' "$login" |
        openssl s_client -quiet -connect "localhost:$port" -CAfile "$settings/ca.crt" -verify_return_error -verify_hostname localhost 2>/dev/null |
        grep -q '^HTTP/1.1 200' || exit 1
done
