# Ends the shared test cluster in folder $1 when no test process has held a lease for $2 seconds.
# A lease is an empty file whose name is <pid>-<start time>; a pid file contains the same.
folder=$1
patience=$2

alive() {
    pid=${1%-*}
    [ -r "/proc/$pid/stat" ] && [ "$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)" = "${1#*-}" ]
}

in_use() {
    used=1
    for lease in "$folder"/leases/*; do
        [ -e "$lease" ] || continue
        if alive "${lease##*/}"; then used=0; else rm -f "$lease"; fi
    done
    return $used
}

idle=0
while sleep 3; do
    [ -d "$folder" ] || exit 0
    if in_use; then idle=0; continue; fi
    idle=$((idle + 3))
    [ "$idle" -ge "$patience" ] || continue
    exec 9>"$folder/lock"
    flock 9
    # A test process may have started while this one waited for the lock.
    if in_use; then idle=0; exec 9>&-; continue; fi
    rm -f "$folder/ready"
    for name in postgres redis kafka; do
        identity=$(cat "$folder/$name/$name.pid" 2>/dev/null)
        # SIGINT ends all three quickly and in good order.
        if [ -n "$identity" ] && alive "$identity"; then kill -INT "${identity%-*}"; fi
    done
    waited=0
    while [ "$waited" -lt 50 ]; do
        left=no
        for name in postgres redis kafka; do
            identity=$(cat "$folder/$name/$name.pid" 2>/dev/null)
            if [ -n "$identity" ] && alive "$identity"; then left=yes; fi
        done
        [ "$left" = no ] && break
        sleep 0.2
        waited=$((waited + 1))
    done
    rm -rf "$folder/postgres" "$folder/redis" "$folder/kafka" "$folder/keeper"
    exit 0
done
