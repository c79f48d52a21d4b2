#!/bin/sh
# The subset of the official image's entrypoint that makes sense without root: options and a configuration file alone mean redis-server.
set -eu
umask 0077
case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac
exec "$@"
