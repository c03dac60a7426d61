#!/bin/busybox sh
# shellcheck shell=dash disable=SC2317,SC2015,SC2016,SC2086,SC2034
# SPDX-License-Identifier: GPL-2.0
#
# `jobtrack kill` and `jobtrack wait`: what they print and return, how signals are
# named, who is denied, and in which words they tell what keeps a job from its end.

tests='
	kill_prints
	kill_signals_by_name
	kill_like_kill1
	kill_waits_and_kills
	kill_tells_what_remains
	kill_denied
	wait_empty
	wait_timeout
	wait_tells_why
	wait_tells_of_dumping_core
	wait_tells_of_frozen_cgroups
'

# shellcheck source=selftests/common/cli.sh
. "${0%/*}/common/cli.sh"

kill_prints() {
	job one sh -c 'sleep 1000 & sleep 1000 & wait'
	eventually sh -c '[ "$(jobtrack ps one | grep -c "sleep 1000$")" = 2 ]'
	jt kill -s 18 one; status 0; silent; printed '^3 signalled(, [0-9]+ [a-z ]+)*$'
	jt kill -s URG one; status 0; silent; prints '3 signalled, 3 ignored'
	jt kill -s USR1 nobody one; status 1; complained 'no such job: nobody'
	printed '^3 signalled \(one\)$'
	eventually gone one
	# Each line names its job where there are several.
	job one sleep 1000
	job two sh -c 'trap "" TERM; exec sleep 1000'
	eventually grep -q 'SigIgn:.*4...$' "/proc/$pid/status"
	jt kill one two; status 0; silent
	printed '^1 signalled \(one\)$'
	printed '^1 signalled, 1 ignored \(two\)$'
	eventually gone one
	jt kill -s KILL two; status 0; prints '1 signalled'
	eventually gone two
	wait
} 2>/dev/null

kill_signals_by_name() {
	# The shell ends with the signal's number when a name was understood.
	for s in USR1=10 SIGUSR1=10 usr2=12 sigalrm=14 15=15 RTMIN=34 rtmin+2=36 RTMAX-1=63 64=64 \
		 KILL=9 9=9 HUP=1 POLL=29; do
		job one sleep 1000
		jt kill -s "${s%=*}" one
		status 0
		prints '1 signalled'
		wait "$pid"
		got=$? did="kill -s $s"
		status $((128 + ${s#*=}))
	done
} 2>/dev/null

kill_like_kill1() {
	for s in 9=9 KILL=9 SIGKILL=9 TERM=15 15=15 RTMIN+2=36; do
		job one sleep 1000
		jt kill "-${s%=*}" one
		status 0
		prints '1 signalled'
		wait "$pid"
		got=$? did="kill -$s"
		status $((128 + ${s#*=}))
	done
	job one sleep 1000
	jt kill -w 60 -HUP one; status 0; prints '1 signalled'
	fails 2 "'FROB' is not a signal"	kill -FROB one
	fails 2 "'65' is not a signal"		kill -65 one
	fails 2 "'-9' is not a number"		kill -w -9 one
	fails 2 "'-9' is neither a job"		kill -- -9
} 2>/dev/null

kill_waits_and_kills() {
	job one sleep 1000
	jt kill -w 60 one; status 0; silent; prints '1 signalled'
	gone one || wrong 'kill -w did not wait'
	job one sh -c 'trap "" TERM; exec sleep 1000'
	eventually grep -q 'SigIgn:.*4...$' "/proc/$pid/status"
	# Silence is not promised here: what takes a second to die is told of, and on a
	# busy machine anything may.
	jt kill -w 0.2 one; status 0
	prints "1 signalled, 1 ignored${NL}1 killed"
	gone one || wrong 'kill -w left the job'
	job one sleep 1000
	job two sh -c 'trap "" TERM; exec sleep 1000'
	eventually grep -q 'SigIgn:.*4...$' "/proc/$pid/status"
	# Time for the first to die of it on a busy machine
	jt kill --wait 3 --signal TERM one two; status 0
	prints "1 signalled (one)${NL}1 signalled, 1 ignored (two)${NL}1 killed (two)"
	gone two || wrong 'kill -w left the second job'
	wait
} 2>/dev/null

# Tasks of such a cgroup of version 1 cannot be killed before it is thawed.
freezer=$T/freezer
freezer_make() {
	mkdir "$freezer"
	mount -t cgroup -o freezer none "$freezer"
	mkdir -p "$freezer/cold/inner"
}
freeze() {	# PID...
	for p in "$@"; do echo "$p" >"$freezer/cold/inner/cgroup.procs"; done
	echo FROZEN >"$freezer/cold/freezer.state"
	eventually grep -qx FROZEN "$freezer/cold/freezer.state"
}
thaw() { echo THAWED >"$freezer/cold/freezer.state"; }
freezer_remove() {
	rmdir "$freezer/cold/inner" "$freezer/cold"
	umount "$freezer"
	rmdir "$freezer"
}

# A job that does not die is told of, once, and does not keep another one alive.
kill_tells_what_remains() {
	freezer_make
	job stuck sleep 1000
	stuck=$pid
	freeze $stuck
	job other sh -c 'trap "" TERM; exec sleep 1000'
	other=$pid
	eventually grep -q 'SigIgn:.*4...$' "/proc/$pid/status"
	jobtrack kill -w 0.2 stuck other >"$T/out" 2>"$T/err" &
	killer=$!
	eventually grep -q 'stuck is not empty: 1 process remains' "$T/err"
	eventually dead $other
	dead $killer && wrong 'kill -w does not wait on'
	thaw
	wait $killer
	got=$? did='kill -w of a frozen job'
	status 0
	slurp "$T/out"
	[ "$(echo "$text" | grep -c ' killed')" = 2 ] || wrong "$did: printed: $text"
	cp "$T/err" "$T/out"
	printed "^$stuck D \(uninterruptible\), .*, frozen by cgroup /cold: \[sleep\]\$"
	[ "$(grep -c '' "$T/out")" = 2 ] || wrong "$did: said: $(cat "$T/out")"
	freezer_remove
} 2>/dev/null

kill_denied() {
	chmod 666 /dev/jobtrack
	as_user 'exec jobtrack run -l mixed -- sleep 1000' >/dev/null 2>&1 &
	eventually jobtrack stat 1000:mixed
	eventually sh -c 'jobtrack ps 1000:mixed | grep -q "sleep 1000"'
	sleep 2000 &
	jt tag 1000:mixed $!; status 0; silent; prints ''
	try 'kill with a member of root' as_user 'jobtrack kill -s URG mixed'
	status 1
	prints '1 signalled, 1 ignored, 1 denied'
	complained 'mixed: 1 process is not yours'
	# SIGKILL is the job's own authority.
	try 'kill -s KILL with a member of root' as_user 'jobtrack kill -s KILL -w 10 mixed'
	status 0
	silent
	prints '2 signalled'
	# Nobody else learns that there is such a job.
	as_user 'exec jobtrack run -l mixed -- sleep 1000' >/dev/null 2>&1 &
	eventually jobtrack stat 1000:mixed
	try "a stranger's kill" su stranger -c 'jobtrack kill 1000:mixed'
	status 1
	prints ''
	complained 'no such job'
	end 1000:mixed
	chmod 600 /dev/jobtrack
} 2>/dev/null

wait_empty() {
	for o in '' '-t 60'; do
		job one sh -c 'sleep 1000 & exec sleep 1000'
		jobtrack wait $o one >"$T/out" 2>&1 & waiter=$!
		eventually sh -c "ls -l /proc/$waiter/fd | grep -q anon_inode"
		kill "$pid"
		wait "$pid"
		dead $waiter && wrong 'did not wait for the second process'
		jobtrack kill one >/dev/null
		wait $waiter
		got=$? did="wait $o" out=$(cat "$T/out")
		status 0
		prints ''
		gone one || wrong 'not empty'
	done
} 2>/dev/null

wait_timeout() {
	job one sh -c 'exec sleep 1000'
	for sec in 0 0.2; do
		jt wait -t $sec one
		status 3
		complained 'one is not empty: 1 process remains'
		printed "^$pid S \\(sleeping\\), alive for [0-9]+\\.[0-9]{3} s, in [a-z_0-9]+: sleep 1000\$"
	done
	kill -STOP "$pid"
	eventually grep -q 'State:.T' "/proc/$pid/status"
	jt wait -t 0 one
	status 3
	printed "^$pid T \\(stopped\\), alive for "
	end one
}

# remains PID STATE-AND-WORD FUNCTION WORDS-AND-COMMAND, of job one
remains() {
	printed "^$1 $2, (alive|leaving) for [0-9]+\\.[0-9]{3} s, in $3, $4\$"
}
in_state() {	# LETTER PID
	grep -q "^State:.$1" "/proc/$2/status"
}

wait_tells_why() {
	job one "$here/stuck" vfork
	eventually in_state D "$pid"
	jt wait -t 0 one; status 3
	remains "$pid" 'D \(uninterruptible\)' '[a-z_]+' \
		'waits for its vfork child to exec or exit: \[stuck\]'
	printed "^[0-9]+ S .* in [a-z_]+: $here/stuck vfork\$"	# of which nothing is known
	end one

	job one "$here/stuck" traced
	eventually sh -c 'jobtrack ps one | grep -q " t "'
	jt wait -t 0 one; status 3
	remains '[0-9]+' 't \(traced\)' '[a-z_.0-9]+' \
		"stopped by its tracer $pid \\(stuck\\): $here/stuck traced"
	end one

	job one sh -c 'kill -STOP $$'
	eventually in_state T "$pid"
	jt wait -t 0 one; status 3
	remains "$pid" 'T \(stopped\)' '[a-z_]+' 'until SIGCONT: sh -c kill -STOP \$\$'
	end one

	job one "$here/headless"
	eventually in_state Z "$pid"
	jt wait -t 0 one; status 3
	remains "$pid" 'S \(sleeping\)' '([a-z_]+)' "main thread ended \(living: 1 in \\2\): .*"
	end one

	mkdir "$T/nfs"
	job one "$here/stuck" nfs "$T/nfs"
	eventually in_state D "$pid"
	jt wait -t 0 one; status 3
	remains "$pid" 'D \(uninterruptible\)' 'rpc_[a-z_]+' 'waits for an NFS server: \[stuck\]'
	end one
}

wait_tells_of_dumping_core() {
	pattern=$(cat /proc/sys/kernel/core_pattern)
	echo '|/bin/sleep 54321' >/proc/sys/kernel/core_pattern	# reads nothing
	job one sh -c 'kill -ABRT $$'
	eventually grep -q 'CoreDumping:.1' "/proc/$pid/status"
	echo "$pattern" >/proc/sys/kernel/core_pattern
	jt wait -t 0 one; status 3
	remains "$pid" '[SD] \([a-z]+\)' '[a-z_]+' 'dumps core: .*'
	end one
	kill "$(ps -o pid,args | awk '$3 == 54321 { print $1 }')"
}

wait_tells_of_frozen_cgroups() {
	group=/sys/fs/cgroup/jobtrack_cli
	mkdir -p $group/inner
	job one sleep 1000
	echo "$pid" >$group/inner/cgroup.procs
	echo 1 >$group/cgroup.freeze
	eventually grep -qx 'frozen 1' $group/cgroup.events
	jt wait -t 0 one; status 3
	remains "$pid" 'S \(sleeping\)' '[a-z_]+' 'frozen by cgroup /jobtrack_cli: sleep 1000'
	end one
	eventually rmdir $group/inner $group

	freezer_make
	job one sleep 1000
	freeze "$pid"
	jt wait -t 0 one; status 3
	# In older kernels this freezer is content with a sleeper that stays asleep.
	remains "$pid" '(D \(uninterruptible\)|S \(sleeping\))' '[a-z_]+' \
		'frozen by cgroup /cold: (\[sleep\]|sleep 1000)'
	thaw
	end one
	freezer_remove
}

run_tests
