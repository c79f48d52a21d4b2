#!/usr/bin/env bash
# Runs the desk in a stack's network, at http://127.0.0.1:8000 and nowhere else: what users see, with TLS, is a proxy of yours in front.
# CHRISTMAS_STACK names the stack, DESK_PORT another port. Run it again after `invoke accounts.rotate app`, or when the stack is new.
set -euo pipefail
export CHRISTMAS_STACK=${CHRISTMAS_STACK:-dev}
name=christmas-$CHRISTMAS_STACK-trading-desk
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

image=$(invoke images --service trading_desk)
# The account's settings, and the files that they name: it says which, and where the container has to find them.
settings=$(invoke env --account app --inside 2> "$folder/said") || { cat "$folder/said" >&2; exit 1; }
mkdir "$folder/files"
cp "$settings" "$folder/files/app.env"
sed -n 's|^mount \(.*\) at /run/christmas/|\1\n|p' "$folder/said" |
    while IFS= read -r here && IFS= read -r there; do cp "$here" "$folder/files/$there"; done

docker rm --force --volumes "$name" > /dev/null 2>&1 || true
docker create --name "$name" --network "christmas-$CHRISTMAS_STACK-network" --publish "127.0.0.1:${DESK_PORT-8000}:8000" \
    --label com.christmas.project=christmas --label "com.christmas.stack=$CHRISTMAS_STACK" \
    --env TRADING_DESK_PROXIES --env TRADING_DESK_LIMIT \
    --read-only --tmpfs /tmp --volume /run/christmas --cap-drop ALL --security-opt no-new-privileges \
    --memory 512m --cpus 1 --pids-limit 100 --restart unless-stopped --log-opt max-size=10m --log-opt max-file=3 \
    "$image" > /dev/null
# Into a volume that goes with the container, readable by its user alone; as variables, `docker inspect` would show them.
tar --create --owner=1000 --group=1000 --mode=u=rX,go= --directory "$folder/files" . | docker cp - "$name:/run/christmas"
docker start "$name" > /dev/null
echo "http://$(docker port "$name" 8000)"
