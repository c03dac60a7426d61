#!/bin/busybox sh
# shellcheck shell=dash disable=SC2317,SC2015,SC2016,SC2086,SC2034
# SPDX-License-Identifier: GPL-2.0
#
# What `jobtrack audit` prints where there is something to be found: the debug
# module's switches plant it.

tests='
	an_escape_and_who_is_astray
	wrong_counts
	more_than_it_shows
'

# shellcheck source=selftests/common/cli.sh
. "${0%/*}/../common/cli.sh"

switches() { echo $(($1)) >/sys/module/jobtrack/parameters/debug; }
UNSEEN=0x20+0x100	# births; HIDE_BIRTH and BLIND of common/debug.h
MISCOUNT=0x800

# bear CMD: a job whose member begins CMD in the background, unseen, and sleeps
bear() {
	mkfifo "$T/go"
	job one setsid sh -c "read -r go <$T/go; $1 echo \$! >$T/born; exec sleep 1000"
	switches $UNSEEN
	timeout $((20 * ${JT_SLOW:-1})) sh -c "echo go >$T/go"
	eventually [ -s "$T/born" ]
	switches 0
	born=$(cat "$T/born")
	rm "$T/go" "$T/born"
}

an_escape_and_who_is_astray() {
	bear 'sleep 2000 &'
	eventually grep -q sleep "/proc/$pid/comm"
	jt audit; status 1
	complained '1 difference: '; complained ' 1 member of 1 job, 0 undecided'
	[ "$(head -n 1 "$T/out" | tr -s ' ')" = 'KIND PID PARENT JOB COUNTED FOUND START_S MEANS' ] ||
		wrong "columns: $out"
	[ "$(grep -c '' "$T/out")" = 2 ] || wrong "not one row: $out"
	printed "^escaped +$born +$pid +$id +- +- +[0-9]+\.[0-9]{3} child of a member of JOB, and in no job\$"
	jt audit -J; status 1; is_json
	complained '1 difference: '
	printed '"differences": 1,$'
	printed "\"findings\": \[\{\"kind\": \"escaped\", \"pid\": $born, \"parent\": $pid, \"job\": $id, \"counted\": null, \"found\": null, \"start_s\": [0-9.]+, \"means\": \"[^\"]*\"\}\]\$"

	one=$id parent=$pid
	job two sleep 1000
	jobtrack tag two "$born"
	jt audit; status 1
	printed "^astray +$born +$parent +$one +- +- .* tree\$"
	end one two
	jt audit; status 0; silent
}

wrong_counts() {
	switches $MISCOUNT
	job one sleep 1000
	jt audit; status 1
	complained '2 differences: '
	printed "^count +- +- +$id +2 +1 +- JOB counts"
	printed "^tree-count +- +- +$id +2 +1 +- JOB counts"
	end one
	eventually no_jobs
	switches 0
	jt audit; status 0; silent
}

more_than_it_shows() {
	mkfifo "$T/never"
	bear "i=0; while [ \$i -lt 1030 ]; do read -r x <$T/never & i=\$((i + 1)); done;"
	eventually grep -q sleep "/proc/$pid/comm"
	jt audit; status 1
	complained '1030 differences, the first 1024 shown: '
	[ "$(grep -c '^escaped ' "$T/out")" = 1024 ] || wrong "not 1024 rows: $(grep -c '' "$T/out")"
	jt audit -J; status 1; is_json
	printed '"differences": 1030,$'
	kill -KILL "-$pid"
	eventually gone one
}

run_tests
