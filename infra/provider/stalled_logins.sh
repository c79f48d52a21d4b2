# Connections that have not logged in, from the server's side: PostgreSQL keeps a place for each, shows none of them, and lets nobody in where
# they have all places. Runs as the server's user, needs no database, and no more than sh, ls, head, tr and awk.
#   look    a line for each: process, address, seconds since it came
#   end     ends those older than a second of every address that has more than BOUND
#   health  ends them for some seconds where the server is crowded, then asks it; fails, and says who, while there are too many; sees to it
#           that somebody watches
#   watch   looks every five seconds whether the server is crowded, and ends them then; one at a time in a container
# PORT, BOUND and CROWDED stand above this text; docs/adr/0013.

look() {
    {
        ls -ln /proc/[0-9]*/fd 2>/dev/null
        echo "== sockets"
        cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
        echo "== titles"
        head -c 400 /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '
        echo
        echo "== ages"
        cat /proc/uptime
        cat /proc/[0-9]*/stat 2>/dev/null
    } | awk -v port="$(printf '%04X' "$PORT")" '
        function number(hex,    i, sum) {
            for (i = 1; i <= length(hex); i++) sum = sum * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
            return sum
        }
        function address(hex) {
            hex = length(hex) > 8 && substr(hex, 1, 24) != "0000000000000000FFFF0000" ? hex : substr(hex, length(hex) - 7)
            if (length(hex) > 8) return "IPv6:" hex
            return number(substr(hex, 7, 2)) "." number(substr(hex, 5, 2)) "." number(substr(hex, 3, 2)) "." number(substr(hex, 1, 2))
        }
        /^== / { part = $2; next }
        part == "" && /^\/proc\// { split($1, path, "/"); pid = path[3]; next }
        part == "" && /socket:\[/ { socket = $NF; gsub(/[^0-9]/, "", socket); owner[socket] = owner[socket] " " pid; next }
        part == "sockets" {
            split($2, here, ":"); split($3, there, ":")
            if (here[2] != port || $4 != "01" && $4 != "08") next
            count = split(owner[$10], pids, " ")
            for (i = 1; i <= count; i++) from[pids[i]] = address(there[1])
            next
        }
        part == "titles" && /^==> / { split($2, path, "/"); pid = path[3]; next }
        part == "titles" && NF { title[pid] = title[pid] $0; next }
        part == "ages" && NF == 2 { now = $1; next }
        part == "ages" { parent[$1] = $4; began[$1] = $22 / 100 }
        END {
            for (pid in from) {
                text = title[pid]
                sub(/ +$/, "", text)
                # A session names itself once it knows for whom it is, and what it does once it has logged in.
                if (text ~ /^postgres: / && text !~ / (authentication|initializing|startup)$/) continue
                # The server itself holds each connection for the moment in which it hands it over. It is the one without a server above it.
                if (text !~ /postgres/ || title[parent[pid]] !~ /^postgres/) continue
                printf "%d %s %d\n", pid, from[pid], now - began[pid]
            }
        }'
}

too_many() {
    look | awk -v bound="$BOUND" '
        { count[$2]++; line[NR] = $0 }
        END { for (i = 1; i <= NR; i++) { split(line[i], part, " "); if (count[part[2]] > bound) print line[i] } }'
}

end() {
    old=$(too_many | awk '$3 >= 1 { print $1 }')
    # Before it has logged in, a session does nothing but wait: the signal ends it and touches no other.
    [ -z "$old" ] || kill -TERM $old 2>/dev/null || :
}

# Starts nothing: it is what a quiet server is asked every five seconds.
crowded() {
    hex=$1
    count=0
    while read -r _ here _ state _; do
        [ "${here##*:}$state" != "${hex}01" ] || count=$((count + 1))
    done < /proc/net/tcp
    [ "$count" -gt "$CROWDED" ]
}

# Docker's check of a container's health starts several processes, which is too dear for every five seconds. What it starts here stays: it holds
# the lock, and reads this file anew each time.
watch() {
    ! crowded "$1" || end
    sleep 5 9>&-
    exec sh "$0" watch "$1"
}

health() {
    hex=$(printf '%04X' "$PORT")
    if [ -r "$0" ]; then  # not where the script came by standard input
        (flock -n 9 && exec sh "$0" watch "$hex") 9>/tmp/logins.lock </dev/null >/dev/null 2>&1 &
    fi
    if crowded "$hex"; then
        who=$(too_many | awk '{ count[$2]++ } END { for (each in count) printf "%s has %d connections that have not logged in; ", each, count[each] }')
        until=$(($(date +%s) + 3))
        while [ -n "$who" ] && end && [ "$(date +%s)" -lt "$until" ]; do
            sleep 0.3
        done
    fi
    [ -z "${who:-}" ] || { echo "$who"; exit 1; }
    pg_isready -q -t 3 -h 127.0.0.1 -p "$PORT"
}

"$@"
