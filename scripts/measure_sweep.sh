#!/bin/bash
# A sweep on two cores against two `backtest` processes side by side over the same sets, in one session: how many runs a
# second, and how much anonymous memory.
#
#   cargo build --release -p tickrace-cli && scripts/measure_sweep.sh TICK_FILE [CONFIG] [SETS]
#
# The tick file is converted once, before anything is timed, where it is not ITCH. Each of the two processes runs half of
# the sets, one after the other, and writes what `backtest` writes; the journal it needs for that is removed again. Core
# seconds are user and system time with the watching itself. Memory is the largest RssAnon seen, of the two processes together.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
binary="${TICKRACE:-$root/target/release/tickrace}"
file="$(realpath "$1")"
config="$(realpath "${2:-$root/configs/backtest/touch_quoting.toml}")"
sets="${3:-24}"
key="${KEY:-strategy.order_qty_lots}"
more="${SET:-run.seed=1}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
data="data.files=[\"$file\"]"

now() { date +%s.%N; }

# User and system seconds of all processes that ended so far.
cpu() { awk '{ print ($16 + $17) / '"$(getconf CLK_TCK)"' }' "/proc/$$/stat"; }

# Prints the largest sum of RssAnon, kilobytes, of all processes of the binary started below $1 while that runs.
watch_memory() {
    most=0
    # A process that ended and was not waited for yet is a zombie: it is still there, and done.
    while grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null; do
        sum=0
        for pid in $(pgrep -f "^$binary (sweep|backtest) " || true); do
            part="$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)"
            sum=$((sum + ${part:-0}))
        done
        [ "$sum" -gt "$most" ] && most=$sum
        sleep 0.02
    done
    echo "$most"
}

one() {
    "$binary" backtest "$config" --no-journal --out "$1" --set "$data" --set "$more" --set "$key=$2" >/dev/null
}

half() {
    value="$1"
    while [ "$value" -le "$sets" ]; do
        one "single$1" "$value"
        value=$((value + 2))
    done
}

# Everything in the page cache, the log made.
one warm 1

started="$(now)"
busy="$(cpu)"
(half 1 & half 2 & wait) &
pid=$!
single_kb="$(watch_memory $pid)"
wait $pid
single_s="$(echo "$(now) $started" | awk '{ print $1 - $2 }')"
single_cpu_s="$(echo "$(cpu) $busy" | awk '{ print $1 - $2 }')"

values="$(seq -s, 1 "$sets")"
started="$(now)"
busy="$(cpu)"
"$binary" sweep "$config" --cores 2 --out swept --set "$data" --set "$more" --grid "$key=$values" >swept.txt &
pid=$!
sweep_kb="$(watch_memory $pid)"
wait $pid
sweep_s="$(echo "$(now) $started" | awk '{ print $1 - $2 }')"
sweep_cpu_s="$(echo "$(cpu) $busy" | awk '{ print $1 - $2 }')"

tail -n 2 swept.txt
awk -v sets="$sets" -v single="$single_s" -v sweep="$sweep_s" -v single_kb="$single_kb" -v sweep_kb="$sweep_kb" \
    -v single_cpu="$single_cpu_s" -v sweep_cpu="$sweep_cpu_s" 'BEGIN {
    row = "%-15s %6.2f runs a second, %6.3f core seconds a run, %5.0f MB anonymous\n"
    printf row, "two processes", sets / single, single_cpu / sets, single_kb / 1024
    printf row, "sweep, 2 cores", sets / sweep, sweep_cpu / sets, sweep_kb / 1024
    printf "ratios: throughput %.2f, work per core second %.2f, memory %.2f\n", \
        single / sweep, single_cpu / sweep_cpu, sweep_kb / single_kb
}'
