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
for file in "$folder"/*.pid "$folder"/*/*.pid; do
    [ -e "$file" ] || continue
    identity=$(cat "$file")
    alive "$identity" || continue
    kill -CONT "${identity%-*}"
    # PostgreSQL frees its shared memory on SIGQUIT, which it gets at once; nothing else here is worth a farewell.
    case $file in
        */postgres.pid) kill -QUIT "${identity%-*}" ;;
        *) kill -KILL "${identity%-*}" ;;
    esac
done
waited=0
while [ "$waited" -lt 50 ]; do
    left=no
    for file in "$folder"/*.pid "$folder"/*/*.pid; do
        [ -e "$file" ] && alive "$(cat "$file")" && left=yes
    done
    [ "$left" = no ] && break
    sleep 0.2
    waited=$((waited + 1))
done
rm -rf "$folder"
