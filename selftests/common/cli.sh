# shellcheck shell=dash disable=SC2317,SC2015,SC2016,SC2086,SC2034
# SPDX-License-Identifier: GPL-2.0
#
# For tests of the jobtrack command, which name their functions in $tests, include
# this and end with run_tests. Needs root, the module, busybox, and the users
# 1000 (user) and 1001 (stranger).

here=${0%/*}
T=$(mktemp -d) || exit 1
chmod 777 "$T"
NL='
'

# --- Reporting -------------------------------------------------------------

wrong() { bad=1; echo "# $*"; }

# No cat, no grep where the shell can do it: under emulation each costs 30 ms.
slurp() {	# FILE, to $text
	text=
	while IFS= read -r line || [ -n "$line" ]; do
		text=$text${text:+$NL}$line
	done <"$1"
}

# try WHAT COMMAND: $got is its status, $out and $err what it printed
try() {
	did=$1
	shift
	"$@" >"$T/out" 2>"$T/err" </dev/null
	got=$?
	slurp "$T/out"; out=$text
	slurp "$T/err"; err=$text
}
jt() { try "jobtrack $*" jobtrack "$@"; }

status() {	# WANTED
	[ "$got" = "$1" ] || wrong "$did: exit status $got, not $1; printed: $out / $err"
}
prints() {	# EXACTLY
	[ "$out" = "$1" ] || wrong "$did: printed '$out', not '$1'"
}
printed() {	# REGEX, of one line
	grep -qE "$1" "$T/out" || wrong "$did: no line '$1' in: $out"
}
silent() {
	[ -z "$err" ] || wrong "$did: complained: $err"
}
complained() {	# TEXT: one line on stderr that has the command's name and the text
	case $err in
	*"$NL"*) wrong "$did: more than one line of complaint: $err" ;;
	jobtrack*"$1"*) ;;
	*) wrong "$did: no complaint with '$1': $err" ;;
	esac
}
# fails STATUS TEXT ARGS: one clear line, nothing on stdout
fails() {
	want=$1 about=$2
	shift 2
	jt "$@"
	status "$want"
	prints ''
	complained "$about"
}

eventually() {	# COMMAND
	for _ in $(seq $((200 * ${JT_SLOW:-1}))); do
		"$@" >/dev/null 2>&1 && return
		usleep 20000
	done
	wrong "never came true: $*"
	return 1
}

# Reduces JSON by its grammar: what is left of valid text is one V.
is_json() {
	json=$(tr '\n\177' '  ' <"$T/out" | sed -E \
		-e 's/"([^"\\[:cntrl:]]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/S/g' \
		-e 's/(true|false|null)/V/g' \
		-e 's/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/V/g' \
		-e 's/[[:space:]]+//g' -e 's/S:/K/g' -e 's/S/V/g')
	before=
	while [ "$json" != "$before" ]; do
		before=$json
		json=$(echo "$json" | sed -E -e 's/\[(V(,V)*)?\]/V/g' -e 's/\{(KV(,KV)*)?\}/V/g')
	done
	[ "$json" = V ] || wrong "$did: no JSON: $(cat "$T/out")"
}

# --- Jobs ------------------------------------------------------------------

# job LABEL CMD: start it in the background; $id is its ID, $pid the process
job() {
	label=$1
	shift
	jobtrack run -l "$label" -- "$@" </dev/null >/dev/null 2>&1 &
	pid=$!
	eventually running "$pid" || return
	id=${which#* } id=${id%% *}
}
# An ID alone does not tell that CMD runs already instead of jobtrack.
running() {
	which=$(jobtrack which "$1") && read -r comm <"/proc/$1/comm" && [ "$comm" != jobtrack ]
}
end() {		# LABEL...
	jobtrack kill -s KILL -w 10 "$@" >/dev/null
	wait
} 2>/dev/null
gone() { ! jobtrack list | grep " $1\$"; } >/dev/null
no_jobs() {	# the last line of /proc/jobtrack is its heading
	while read -r word _; do last=$word; done </proc/jobtrack
	[ "$last" = ID ]
}
as_user() { su user -c "$1"; }
dead() { ! kill -0 "$1"; } 2>/dev/null

# --- Running the tests -----------------------------------------------------

run_tests() {
	echo 'TAP version 13'
	if [ ! -e /dev/jobtrack ]; then
		if [ "${JOBTRACK_REQUIRED:-0}" = 1 ]; then
			echo '1..1'
			echo 'not ok 1 module: not loaded'
			exit 1
		fi
		echo '1..0 # SKIP the module is not loaded'
		exit 4
	fi
	echo "1..$(echo $tests | wc -w)"
	n=0 failed=0
	for t in $tests; do
		n=$((n + 1)) bad=0
		$t
		eventually no_jobs	# what has been killed may take its time
		if [ $bad = 0 ]; then
			echo "ok $n $t"
		else
			echo "not ok $n $t"
			failed=1
		fi
	done
	rm -rf "$T"
	exit $failed
}
