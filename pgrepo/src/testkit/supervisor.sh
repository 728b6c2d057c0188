# Starts and stops one PostgreSQL server for the process at the other end of standard input, and ends it with that process.
# Arguments: the server's folder, the template of its data, then the server's command line.
trap '' HUP INT TERM
dir=$1 template=$2
shift 2
job=

start() {
    if [ -n "$job" ]; then
        [ -e "$dir/exit" ] || return 1
        wait "$job"
    fi
    rm -f "$dir/exit" "$dir/pid"
    {
        sh -c 'echo $$ >"$0/pid"; exec "$@"' "$dir" "$@" </dev/null >>"$dir/log"
        echo $? >"$dir/exit"
    } &
    job=$!
}

# The signal is repeated, since one that comes before the server listens to it is lost, and a harder one follows in time.
stop() {
    [ -n "$job" ] || return 0
    signal=$1 tries=0
    until [ -e "$dir/exit" ] || [ $tries -gt 2500 ]; do
        [ $tries -eq 1500 ] && signal=QUIT
        [ $tries -eq 2000 ] && signal=KILL
        pid=$(cat "$dir/pid") && [ -n "$pid" ] && kill -s "$signal" "$pid"
        tries=$((tries + 1))
        sleep 0.02 || sleep 1
    done 2>/dev/null
    wait "$job"
    job=
}

while IFS= read -r line; do
    case $line in
    copy) cp -R -p "$template" "$dir/data" ;;
    start) start "$@" ;;
    stop\ *) stop "${line#stop }" ;;
    kill\ *) kill -s KILL "${line#kill }" ;;
    esac
    echo $?
done

stop QUIT
tries=0
until rm -rf "$dir" || [ $tries -gt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1 || sleep 1
done 2>/dev/null
