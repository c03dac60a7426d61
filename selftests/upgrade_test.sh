#!/bin/busybox sh
# shellcheck shell=dash disable=SC2317,SC2015,SC2016,SC2086,SC2034,SC2010,SC2217
# SPDX-License-Identifier: GPL-2.0
#
# The upgrade of a node as the README describes it: drained, the daemon stopped,
# the module exchanged. And what is refused until then.

tests='
	refused_until_drained
	drained_and_exchanged
'

# shellcheck source=selftests/common/cli.sh
. "${0%/*}/common/cli.sh"

module=/lib/jobtrack/jobtrack.ko
unloaded() { [ ! -e /sys/module/jobtrack ]; }
exchange() {
	eventually rmmod jobtrack
	unloaded || wrong 'still there'
	try insmod insmod $module; status 0; silent
}
refused() {
	try rmmod rmmod jobtrack
	[ "$got" != 0 ] || wrong 'it was unloaded'
	case $err in *'Resource temporarily unavailable'*) ;; *) wrong "rmmod says: $err" ;; esac
}
holders() { ls -l /proc/[0-9]*/fd/* 2>/dev/null | grep jobtrack; }

opened() { [ "$(readlink "/proc/$daemon/fd/0")" = /dev/jobtrack ]; }
listed() { jobtrack list -o LABEL | grep -qx "$1"; }
has_two() { [ "$(jobtrack ps "$1" | grep -c ' sleep 1000$')" = 2 ]; }

refused_until_drained() {
	job one sh -c 'sleep 1000 & exec sleep 1000'
	refused
	# a daemon of the batch system
	sleep 1000 </dev/jobtrack &
	daemon=$!
	eventually opened
	jt kill -w 10 one; status 0
	eventually gone one
	refused
	held=$(holders)
	case $held in
	*"$NL"*) wrong "not one: $held" ;;
	*" /proc/$daemon/fd/0 -> /dev/jobtrack") ;;
	*) wrong "holders: $held" ;;
	esac
	kill $daemon
	wait
	[ -z "$(holders)" ] || wrong "holders: $(holders)"
	exchange
}

# IDs go on, so that none means two jobs; counters and accounts begin anew.
drained_and_exchanged() {
	job one sleep 1000
	before=$id
	job two su user -c 'sleep 1000 & exec sleep 1000'
	eventually has_two two
	# a member's job is below its own, and goes with it
	job three jobtrack run -l four -- sleep 1000
	eventually listed four
	jobtrack list -o ID,PARENT | awk '$2 == 0 { print $1 }' |
		xargs -r jobtrack kill -w 10 >"$T/killed" 2>&1 || wrong 'not killed'
	[ "$(grep -c '' "$T/killed")" = 3 ] || wrong "killed: $(cat "$T/killed")"
	grep -q '^2 signalled' "$T/killed" || wrong "killed: $(cat "$T/killed")"
	exchange
	jt list; status 0
	[ "$(grep -c '' "$T/out")" = 1 ] || wrong "jobs: $out"
	grep -qx '# jobs_created 0' /proc/jobtrack || wrong 'the counters did not begin anew'
	job one sleep 1000
	[ "$id" -gt "$before" ] || wrong "ID $id after $before"
	end one
}

run_tests
