#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the programs of a directory (by this script's name), each in a job of its own,
# and compares each result with those of two boots without the module. Meanwhile
# all probes are in, and the job is listed, accounted and audited once a second.
# What differs between those two, varies on its own: that is told as skipped.
# shellcheck source=selftests/suites/observe.sh
. /suites/.observe.sh
directory=${0##*/}
directory=${directory%_test.sh}

n=0
result() {	# VERDICT NAME
	n=$((n + 1))
	echo "$1 $n - $2"
}

compare() {	# PROGRAM
	awk -F '\t' -v program="$1" '
	FNR == 1 { file++ }
	$1 == program { text[file, ++count[file]] = $2 }
	function told(line,  how) {	# as the name of a result, which may have failed
		if (sub(/^not ok[N ]*/, "", line))
			how = " (fails without the module, too)"
		if (sub(/ *# *(SKIP|skip)/, " skipped:", line))
			how = " (without the module, too)"
		sub(/^ok[N ]*(- )?/, "", line)
		return program ": " line how
	}
	END {
		for (i = 1; i <= count[1] || i <= count[2] || i <= count[3]; i++) {
			a = text[1, i]; b = text[2, i]; c = text[3, i]
			if (a != b)
				print "ok", program ": result", i, "# SKIP varies without the module:", \
					a " / " b ", in the job:", c
			else if (a != c)
				print "not ok", program ": without the module \"" a "\", in the job \"" c "\""
			else
				print "ok", told(c)
		}
	}' /suites/.without.1 /suites/.without.2 /run/now
}

job_is_gone() { ! jobtrack list -o LABEL | grep -qx suite; }

watch() {	# what it says is a difference
	while :; do
		jobtrack ps suite && jobtrack stat suite
		jobtrack audit >/run/audit || cat /run/audit >&2
		sleep 1
	done >/dev/null
}

# A signal other than SIGKILL puts the fourth probe in.
jobtrack run -l other -- sleep 100000 &
until jobtrack kill -s CONT other; do usleep 20000; done >/dev/null 2>&1
watch 2>/run/said &
watcher=$!

echo 'TAP version 13'
for p in $(programs "$directory"); do
	observe "$directory" "$p" jobtrack run -l suite -- >/run/now
	jobtrack kill -s KILL -w 10 suite >/run/killed 2>&1	# what it has left, if anything
	compare "$directory/$p" >/run/compared
	grep -q '^not ok' /run/compared && sed 's/^/# /' /run/out
	while read -r line; do
		case $line in
		"not ok "*) result 'not ok' "${line#not ok }" ;;
		*) result ok "${line#ok }" ;;
		esac
	done </run/compared
	job_is_gone || result 'not ok' "$directory/$p: its job has not ended: $(jobtrack wait -t 0 suite)"
done

kill $watcher
jobtrack kill -s KILL -w 10 other >/dev/null
wait
if grep -v -e 'no such job' -e 'no job' /run/said | sed 's/^/# /' | grep .; then
	result 'not ok' "$directory: an audit or a list"
else
	result ok "$directory: audits"
fi
if grep -E '^# (lost|unseen) ' /proc/jobtrack | grep -v ' 0$'; then
	result 'not ok' "$directory: births"
else
	result ok "$directory: births, none lost or unseen"
fi
echo "1..$n"
