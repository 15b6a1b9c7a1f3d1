# Ends what process $1 (<pid>-<start time>) left running in folder $2, as soon as that process is gone.
creator=$1
folder=$2

alive() {
    pid=${1%-*}
    [ -r "/proc/$pid/stat" ] && [ "$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)" = "${1#*-}" ]
}

# A loop, because tail knows the pid only, and another process may have that by now.
while alive "$creator"; do
    tail -f /dev/null --pid="${creator%-*}" -s 0.2 || sleep 1
done
# The depth is that of runs.rs.
running() {
    find "$folder" -maxdepth 3 -name '*.pid' | while read -r file; do
        if alive "$(cat "$file")"; then echo "$file"; fi
    done
}

running | while read -r file; do
    identity=$(cat "$file")
    kill -CONT "${identity%-*}"
    # SIGQUIT lets PostgreSQL free its shared memory; the others leave nothing behind.
    case $file in
        */postgres.pid) kill -QUIT "${identity%-*}" ;;
        *) kill -KILL "${identity%-*}" ;;
    esac
done
waited=0
while [ "$waited" -lt 50 ]; do
    [ -z "$(running)" ] && break
    sleep 0.2
    waited=$((waited + 1))
done
rm -rf "$folder"
