# Ends what process $1 (<pid>-<start time>) left running in folder $2 as soon as that process is gone.
maker=$1
folder=$2

alive() {
    pid=${1%-*}
    [ -r "/proc/$pid/stat" ] && [ "$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)" = "${1#*-}" ]
}

# The loop is for a pid that somebody else has by now.
while alive "$maker"; do
    tail -f /dev/null --pid="${maker%-*}" -s 0.2 || sleep 1
done
# As deep as the program that comes after looks (runs.rs).
running() {
    find "$folder" -maxdepth 3 -name '*.pid' | while read -r file; do
        if alive "$(cat "$file")"; then echo "$file"; fi
    done
}

running | while read -r file; do
    identity=$(cat "$file")
    kill -CONT "${identity%-*}"
    # PostgreSQL frees its shared memory on SIGQUIT, which it gets at once; nothing else here is worth a farewell.
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
