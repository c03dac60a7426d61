#!/bin/busybox sh
# shellcheck shell=dash disable=SC2317,SC2015,SC2016,SC2086,SC2034
# SPDX-License-Identifier: GPL-2.0
#
# The jobtrack command as its users and their scripts see it: printed forms,
# columns, exit statuses, JSON, bad input, and that `run` leaves no trace. What
# kill and wait do is in kill_test.sh.

tests='
	help_and_version
	help_agrees_with_the_rest
	wrong_usage
	no_such_thing
	module_not_there
	device_not_for_users
	run_status
	run_becomes_the_command
	run_leaves_no_trace
	run_prints_the_id
	run_labels
	run_inside_a_job
	run_timeout
	run_kill
	run_dies_with_its_supervisor
	run_passes_signals_on
	list_agrees_with_proc
	list_columns
	list_json
	ps_rows
	ps_of_a_tree
	ps_reads_a_living_thread
	no_terminal_escapes
	tag_processes
	tag_tree
	tag_refused
	which_prints
	stat_prints
	stat_accounts
	audit_of_all
	audit_for_root_only
	strays_are_listed
	strays_by_user
	strays_with_all_columns
	strays_are_alive
	labels_of_others
	output_that_does_not_arrive
'

# shellcheck source=selftests/common/cli.sh
. "${0%/*}/common/cli.sh"
manual=/usr/share/man/man1/jobtrack.1
completion=/usr/share/bash-completion/completions/jobtrack

help_and_version() {
	jt --version; status 0; silent; printed '^jobtrack [0-9]'
	jt -V; status 0; printed '^jobtrack [0-9]'
	jt --help; status 0; silent; printed '^Usage:'
	for c in run list ps kill wait tag which stat audit; do
		jt --help; printed "^ $c "
		jt $c --help; status 0; silent; printed '^Usage:'; printed "^ jobtrack $c"
		jt $c -h; status 0; silent; printed '^Options:'
	done
}

# Each option of --help is in the man page and is completed, and no other is.
help_agrees_with_the_rest() {
	for c in run list ps kill wait tag which stat audit; do
		options=$(jobtrack $c --help | grep -oE '^ -., --[a-z-]+' | sed 's/^.*--//' | sort)
		completed=$(grep -E "^	([a-z]+ \| )*$c( \| [a-z]+)*\)" $completion |
			    sed -n "s/.*words='\(--[^']*\)'.*/\1/p" |
			    tr ' ' '\n' | sed 's/^--//' | sort)
		[ "$options" = "$completed" ] || wrong "$c: completed: $completed, --help: $options"
		paged=$(sed -e "1,/^\.SS jobtrack $c\$/d" -e '/^\.S[SH]/,$d' -e 's/\\-/-/g' $manual |
			sed -n 's/^.*, \\fB--\([a-z-]*\)\\fR.*/\1/p')
		[ "$options" = "$({ echo help; echo "$paged"; } | grep . | sort)" ] ||
			wrong "$c: in the man page: $paged, --help: $options"
	done
}

wrong_usage() {
	long=$(printf '%064d' 0 | tr 0 a)
	fails 2 'command'
	fails 2 "unknown command 'frob'"	frob
	fails 2 "unknown option '-x'"		-x
	for c in run list ps kill wait tag which stat audit; do
		fails 2 "unknown option '-x'"	$c -x
		fails 2 "option '--frob'; try 'jobtrack $c --help'"	$c --frob
	done
	fails 2 'CMD'			run
	fails 2 'CMD'			run -p --
	fails 2 "'-l' needs"		run -l
	fails 2 'label'			run -l 1abc -- true
	fails 2 'label'			run -l '' -- true
	fails 2 'label'			run -l 'a b' -- true
	fails 2 'label'			run -l "$long" -- true
	fails 2 'seconds'		run -t abc -- true
	fails 2 'seconds'		run -t 1e3 -- true
	fails 2 'seconds'		run -t -1 -- true
	fails 2 'more than 0'		run -t 0 -- true
	fails 2 'too many'		list x
	fails 2 "no column 'FROB'"	list -o ID,FROB
	fails 2 'twice'			list -o ID,id
	fails 2 'no argument'		list --json=1
	for c in ps kill wait stat; do
		fails 2 'JOB'		$c
		fails 2 'label'		$c 1abc
		fails 2 'label'		$c 0
		fails 2 'label'		$c ''
		fails 2 'label'		$c 12:34
		fails 2 'longer'	$c "$long"
		fails 2 'larger'	$c 99999999999999999999999
		fails 2 'larger'	$c 4294967295:a
	done
	for c in ps wait stat; do
		fails 2 'only one'	$c a b
	done
	for s in FROB 0 65 -1 SIGRTMIN+99 RTMIN- ''; do
		fails 2 'signal'	kill -s "$s" a
	done
	fails 2 'seconds'		kill -w x a
	fails 2 'label'			kill a 1abc
	fails 2 'seconds'		wait -t '' a
	fails 2 'JOB'			tag
	fails 2 'PID'			tag a
	fails 2 'PID'			which
	fails 2 'too many'		audit x
	fails 2 "'-u' goes with"	audit -u 1000
	fails 2 "'-e' goes with"	audit --except user
	fails 2 "'-o' goes with"	audit -o pid
	for u in '' a 1000- -1000 - 1-2-3 0x1 '1 ' 4294967295 99999999999999999999; do
		fails 2 'neither a user ID'	audit --strays "--uid=$u"
	done
	fails 2 'no user ID is in'	audit --strays -u 2000-1999
	for u in '' nosuch 'user,' 'user,,stranger' 4294967295; do
		fails 2 'no user '	audit --strays "--except=$u"
	done
	fails 2 "no column 'FROB'"	audit --strays -o FROB
	for p in abc 0 1x 99999999999 ''; do
		fails 2 'process ID'	tag a "$p"
		fails 2 'process ID'	which "$p"
	done
}

no_such_thing() {
	for c in ps kill wait stat; do
		fails 1 'no such job: nobody'	$c nobody
		fails 1 'no such job: 1;'	$c 1
		fails 1 'no such job'		$c 1000:nobody
	done
	fails 1 'no such job'		tag nobody $$
	fails 1 'no such process'	which 4194303
}

module_not_there() {
	mv /dev/jobtrack /dev/jobtrack.away
	fails 2 'not loaded'	list
	fails 2 'not loaded'	list -J
	fails 2 'not loaded'	ps a
	fails 2 'not loaded'	kill a
	fails 2 'not loaded'	wait a
	fails 2 'not loaded'	tag a 1
	fails 2 'not loaded'	which 1
	fails 2 'not loaded'	stat a
	fails 2 'not loaded'	audit
	fails 2 'not loaded'	audit --strays
	fails 2 'not loaded'	run -- touch "$T/ran"
	fails 2 'not loaded'	run -k -- touch "$T/ran"
	# Wrong usage is wrong without a module as well.
	fails 2 'unknown option'	ps -x a
	mv /dev/jobtrack.away /dev/jobtrack
	[ ! -e "$T/ran" ] || wrong 'ran outside a job'
}

device_not_for_users() {
	chmod 600 /dev/jobtrack
	try 'a user, list' as_user 'jobtrack list'
	status 1
	prints ''
	complained 'Permission denied; be root, or'
}

run_status() {
	for o in '' '-k' '-t 60' '-k -t 60'; do
		{
		jt run $o -- sh -c 'exit 0'; status 0; silent; prints ''
		jt run $o -- sh -c 'echo hello; exit 7'; status 7; prints hello; silent
		jt run $o sh -c 'exit 3'; status 3; silent
		fails 127 'No such file'	run $o -- /no/such/command
		fails 127 'No such file'	run $o -- no-such-command
		fails 126 'ermission denied'	run $o -- /etc/passwd
		# Without -t and -k the shell here sees the signal itself.
		jt run $o -- sh -c 'kill -9 $$'; status 137
		jt run $o -- sh -c 'kill -TERM $$'; status 143
		}
	done 2>/dev/null
	[ "$(echo in | jobtrack run -- cat)" = in ] || wrong 'run does not pass stdin on'
	[ "$(echo in | jobtrack run -k -- cat)" = in ] || wrong 'run -k does not pass stdin on'
}

run_becomes_the_command() {
	# shellcheck disable=SC2046	# three words
	set -- $(sh -c 'echo $$; exec jobtrack run -- sh -c "echo \$\$; jobtrack which \$\$"')
	[ -n "$1" ] && [ "$1" = "$2" ] || wrong "run: PID $2, not $1"
	[ "$3" = "$1" ] && [ "$4" -gt 0 ] || wrong "run: the command is in no job: $*"
}

# All that a process can see of itself; its parent is another one under -t and -k.
cat >"$T/look" <<-'END'
	#!/bin/busybox sh
	cd /proc/self && exec busybox sh -c '
		env | grep -v -e ^_= | sort
		pwd; umask; id; tty; ulimit -a
		grep -E "^(Umask|Uid|Gid|Groups|NS|Sig|Shd|Cap|NoNew|Seccomp|Tracer|Cpus_allowed:)" \
			/proc/$$/status | grep -vE "^NS(pid|tgid)"
		cut -d " " -f 5-8,18,19,25,41 /proc/$$/stat
		for f in /proc/$$/fd/*; do echo ${f##*/}; readlink $f; done
		for f in /proc/$$/ns/*; do readlink $f; done
		cat /proc/$$/cgroup /proc/$$/oom_score_adj /proc/$$/timerslack_ns \
			/proc/$$/personality /proc/$$/coredump_filter'
END
chmod 755 "$T/look"

run_leaves_no_trace() {
	(
	trap '' CHLD HUP USR1
	export SOME=thing
	ulimit -n 512
	umask 027
	exec 7</etc/passwd
	"$here/blocking" "$T/look" </dev/null >"$T/plain" 2>&1
	"$here/blocking" jobtrack run -- "$T/look" </dev/null >"$T/inside" 2>&1
	"$here/blocking" jobtrack run -k -t 60 -l label -- "$T/look" </dev/null >"$T/below" 2>&1
	)
	[ "$(grep -c '' "$T/plain")" -gt 50 ] && grep -q '^SigBlk:.*[1-9]' "$T/plain" &&
		grep -q '^SigIgn:.*[1-9]' "$T/plain" || wrong "sees too little: $(cat "$T/plain")"
	for f in inside below; do
		# The files that hold the output have other names.
		sed "s|$T/$f|$T/plain|" "$T/$f" >"$T/same"
		diff "$T/plain" "$T/same" >"$T/diff" || wrong "$f: $(cat "$T/diff")"
	done
}

run_prints_the_id() {
	for o in -p '-p -k' --print-id; do
		jobtrack run $o -- sh -c 'jobtrack which $$ | cut -d " " -f 2' >"$T/out" 2>"$T/err"
		grep -qxE '[1-9][0-9]*' "$T/err" || wrong "run $o printed: $(cat "$T/err")"
		cmp -s "$T/out" "$T/err" || wrong "run $o: $(cat "$T/err") is job $(cat "$T/out")"
	done
}

run_labels() {
	job a.B_1:@+- sleep 1000
	jt which $pid; status 0; prints "$pid $id a.B_1:@+-"
	fails 1 'label'	run -l a.B_1:@+- -- touch "$T/ran2"
	[ ! -e "$T/ran2" ] || wrong 'ran without its label'
	end a.B_1:@+-
	jt run -l a.B_1:@+- -- true; status 0; silent
}

run_inside_a_job() {
	out=$(jobtrack run -l outer -- sh -c '
		outer=$(jobtrack which $$ | cut -d " " -f 2)
		for o in -p -k; do
			jobtrack run $o -l inner -- sh -c "
				set -- \$(jobtrack which \$\$)
				echo \$(jobtrack stat \$2 | grep ^parent) $outer \$3"
		done' 2>/dev/null)
	echo "$out" | while read -r key parent outer label; do
		[ "$key $label" = 'parent inner' ] && [ "$parent" = "$outer" ] || echo no
	done | grep -q no && wrong "not in a job below: $out"
	[ "$(echo "$out" | grep -c parent)" = 2 ] || wrong "printed: $out"
}

run_timeout() {
	jt run -l slow -t 0.3 -- sh -c 'setsid sleep 1000 & sleep 1000'
	status 3
	silent
	gone slow || wrong 'the job outlived its time'
	# The command ends in time, its daemon does or does not.
	jt run -l slow -t 60 -- sh -c 'setsid sleep 0.2 & exit 5'
	status 5
	gone slow || wrong 'run -t did not wait for the daemon'
	jt run -l slow -t 0.5 -- sh -c 'setsid sleep 1000 & exit 5'
	status 3
	gone slow || wrong 'the daemon outlived its time'
}

run_kill() {
	jt run -k -l mortal -- sh -c 'setsid sleep 1000 & echo $!; exit 5'
	status 5
	silent
	dead "$out" || wrong 'the daemon outlived the command'
	gone mortal || wrong 'the job outlived the command'
	jt run -k -t 0.3 -l mortal -- sh -c 'trap "" TERM; while :; do sleep 1000; done'
	status 3
	gone mortal || wrong 'the job outlived its time'
}

run_dies_with_its_supervisor() {
	jobtrack run -k -l mortal -- sh -c 'setsid sleep 1000 & sleep 1000' </dev/null &
	supervisor=$!
	eventually sh -c '[ "$(jobtrack ps mortal | grep -c sleep)" -ge 2 ]'
	members=$(jobtrack ps mortal | awk 'NR > 1 { print $1 }')
	echo "$members" | grep -qx $supervisor && wrong 'the supervisor is a member'
	kill -KILL $supervisor
	wait $supervisor
	eventually gone mortal
	for m in $members; do dead "$m" || wrong "$m lives"; done
} 2>/dev/null

run_passes_signals_on() {
	for o in -k '-t 60'; do
		rm -f "$T/ready"
		jobtrack run $o -- sh -c "trap 'exit 9' TERM; >$T/ready; while :; do sleep 0.05; done" &
		eventually [ -e "$T/ready" ]
		kill -TERM $!
		wait $!
		got=$? did="run $o, sent TERM"
		status 9
	done
	# The command's default action shows as with the command alone.
	rm -f "$T/ready"
	jobtrack run -k -- sh -c ">$T/ready; exec sleep 1000" &
	eventually [ -e "$T/ready" ]
	kill -HUP $!
	wait $!
	got=$? did="run -k, sent HUP"
	status 129
} 2>/dev/null

# Without the age, which may change from one to the other
proc_jobs() { grep -v '^# ' /proc/jobtrack | awk '{ $9 = ""; print }'; }
list_jobs() { awk '{ $9 = ""; print }' "$T/out"; }

list_agrees_with_proc() {
	jt list; status 0; silent
	prints 'ID PARENT UID STATE PROCS LEAVING BIRTHS LOST AGE_S LABEL'
	job one sleep 1000
	job two sh -c 'sleep 1000 & jobtrack run -k -l below -- sleep 1000 & wait'
	eventually jobtrack stat below
	eventually sh -c 'jobtrack ps two | grep -q "sleep 1000"'
	chmod 666 /dev/jobtrack
	as_user 'jobtrack run -l users -- sleep 1000' >/dev/null 2>&1 &
	eventually jobtrack stat 1000:users
	jt list
	status 0
	[ "$(proc_jobs)" = "$(list_jobs)" ] ||
		wrong "/proc/jobtrack: $(proc_jobs)$NL${NL}list: $(list_jobs)"
	[ "$(grep -c '' "$T/out")" = 5 ] || wrong "not four jobs: $out"
	printed "^ *[0-9]+ +0 +0 running +1 +0 +0 +0 +[0-9]+ one\$"
	printed "^ *[0-9]+ +0 +1000 running .* users\$"
	# The user sees the user's.
	try 'a user, list' as_user 'jobtrack list -o label'
	prints "LABEL${NL}users"
	chmod 600 /dev/jobtrack
	end one two 1000:users
}

list_columns() {
	job one sleep 1000
	jt list -o label,ID,tree_procs; status 0; silent
	[ "$(head -n 1 "$T/out" | tr -s ' ')" = 'LABEL ID TREE_PROCS' ] || wrong "columns: $out"
	[ "$(tail -n 1 "$T/out" | tr -s ' ')" = "one $id 1" ] || wrong "row: $out"
	jt list -o all; status 0
	for c in DEPTH CREATOR SUBJOBS JOINED TREE_PROCS TREE_LEAVING CREATED_S KILL_ON_CLOSE; do
		printed "$c"
		jobtrack list --help | grep -q "^ $c " || wrong "--help does not know $c"
	done
	end one
	jobtrack run -- sleep 1000 &
	eventually running $!
	jt list -o label,procs
	printed '^- +1$'
	kill $!
	wait
} 2>/dev/null

list_json() {
	jt list -J; status 0; silent; is_json
	[ "$(tr -d ' \n' <"$T/out")" = '{"jobs":[]}' ] || wrong "empty: $out"
	job one sleep 1000
	for o in '-J' '--json -o all'; do
		jt list $o
		status 0; silent; is_json
		printed "\"id\": $id,"; printed '"parent": 0,'; printed '"procs": 1,'
		printed '"state": "running"'; printed '"label": "one"'
	done
	printed '"kill_on_close": false'
	end one
	jobtrack run -- sleep 1000 &
	eventually running $!
	jt list -J; is_json; printed '"label": null'
	kill $!
	wait
} 2>/dev/null

ps_rows() {
	job one sh -c 'sleep 1000 & exec sleep 2000'
	eventually sh -c '[ "$(jobtrack ps one | grep -c "sleep .000")" = 2 ]'
	jt ps one; status 0; silent
	[ "$(head -n 1 "$T/out" | tr -s ' ' | sed 's/^ //')" = 'PID PPID JOB STATE TIME COMMAND' ] ||
		wrong "columns: $out"
	[ "$(grep -c '' "$T/out")" = 3 ] || wrong "not two rows: $out"
	printed "^ *$pid +$$ +$id S +00:00:0[0-9] sleep 2000\$"
	printed "^ *[0-9]+ +$pid +$id S +00:00:0[0-9] sleep 1000\$"
	jt ps "$id"; status 0; printed 'sleep 2000'
	jt ps "0:one"; status 0; printed 'sleep 2000'
	jt ps -J one; status 0; silent; is_json
	printed "\"pid\": $pid,"; printed "\"ppid\": $$,"; printed "\"job\": $id,"
	printed '"state": "S"'; printed '"time": 0\.[0-9]+'; printed '"command": "sleep 2000"'
	kill -STOP $pid
	eventually grep -q 'State:.T' /proc/$pid/status
	jt ps one; printed "^ *$pid .* T "
	end one
}

ps_of_a_tree() {
	job outer sh -c 'jobtrack run -l inner -- sleep 1000 & exec sleep 2000'
	eventually sh -c 'jobtrack ps inner | grep -q "sleep 1000"'
	inner=$(jobtrack list -o id,label | awk '$2 == "inner" { print $1 }')
	jt ps outer
	printed " $inner S .*sleep 1000"
	printed " $id S .*sleep 2000"
	jt ps inner
	printed 'sleep 1000'
	[ "$(grep -c sleep "$T/out")" = 1 ] || wrong "not only its own: $out"
	jt kill inner; prints '1 signalled'
	eventually gone inner
	jt kill outer; prints '1 signalled'
	wait
} 2>/dev/null

ps_reads_a_living_thread() {
	job one "$here/headless"
	eventually grep -q 'State:.Z' "/proc/$pid/status"
	jt ps one; status 0; printed "^ *$pid .* $id S .* $here/headless\$"
	jt wait -t 0 one; status 3; printed "^$pid S \(sleeping\), .*: $here/headless\$"
	jt kill one; prints '1 signalled'
	eventually gone one
	wait
} 2>/dev/null

no_terminal_escapes() {
	mkfifo "$T/fifo"
	evil=$(printf 'a\033[31m\001\177\377b')
	job one sh -c "exec 3<>$T/fifo; read -r x <&3" "$evil"
	jt ps one
	status 0
	printed 'a\\x1b\[31m\\x01\\x7f'
	LC_ALL=C grep -q "$(printf '[\001\033\177\377]')" "$T/out" && wrong "raw bytes: $out"
	jt ps -J one; is_json; printed 'a\\u001b\[31m\\u0001'
	jt wait -t 0 one
	status 3
	printed 'a\\x1b\[31m\\x01\\x7f'
	LC_ALL=C grep -q "$(printf '[\001\033\177\377]')" "$T/out" && wrong "raw bytes: $out"
	fails 2 'x1b' ps "$evil"
	end one
}

tag_processes() {
	job one sleep 1000
	sleep 2000 & a=$!
	sleep 2000 & b=$!
	jt tag one $a $b; status 0; silent; prints ''
	jt which $a $b; status 0; prints "$a $id one$NL$b $id one"
	jt tag one $a; status 0; silent
	jt kill one; status 0; prints '3 signalled'
	wait
} 2>/dev/null

tag_tree() {
	job one sleep 1000
	sh -c 'sleep 2000 & sleep 2000 & wait' &
	a=$!
	eventually sh -c "[ \$(ps -o ppid | grep -cx ' *$a') = 2 ]"
	jt tag -T one $a; status 0; silent; prints '3 tagged'
	jt kill one; status 0; prints '4 signalled'
	wait
} 2>/dev/null

tag_refused() {
	job one sleep 1000
	job two sleep 1000
	fails 1 'job already'	tag one "$pid"
	fails 1 'init'		tag one 1
	fails 1 'kernel thread'	tag one 2
	fails 1 'no such process'	tag one 4194303
	sleep 2000 & a=$!
	jt tag one 4194303 $a; status 1; complained 4194303
	jt which $a; status 0
	# A user: not root's process, not a job that somebody else made.
	chmod 666 /dev/jobtrack
	as_user 'exec jobtrack run -l users -- sleep 1000' >/dev/null 2>&1 &
	eventually jobtrack stat 1000:users
	try "a user's tag of root's process" as_user "jobtrack tag users $$"
	status 1
	prints ''
	complained "$$: not yours"
	chmod 600 /dev/jobtrack
	end one two 1000:users
} 2>/dev/null

which_prints() {
	job one sleep 1000
	one=$pid
	jobtrack run -- sleep 1000 & two=$!
	eventually running $two
	jt which "$one"; status 0; silent; prints "$one $id one"
	jt which $two; status 0; silent; printed "^$two [0-9]+ -\$"
	fails 1 "$$: in no job"	which $$
	jt which $$ "$one"; status 1; prints "$one $id one"; complained "$$: in no job"
	jt which 4194303 "$one"; status 1; prints "$one $id one"
	kill $two
	end one
} 2>/dev/null

stat_prints() {
	job one sh -c 'true; true; exec sleep 1000'
	jobtrack run -k -l two -- sleep 1000 &
	eventually jobtrack stat two
	jt stat one; status 0; silent
	for k in "id +$id" 'parent +0' 'uid +0' 'state +running' 'procs +1' 'leaving +0' \
		 'births +[0-9]+' 'lost +0' 'age_s +[0-9]+' 'depth +1' 'creator +0' 'subjobs +0' \
		 'joined +1' 'tree_procs +1' 'tree_leaving +0' 'created_s +[0-9]+\.[0-9]{3}' \
		 'kill_on_close +0' 'label +one'; do
		printed "^$k\$"
	done
	jt stat two; printed '^kill_on_close +1$'
	jt stat -J "$id"; status 0; silent; is_json
	printed "\"id\": $id,"; printed '"joined": 1,'; printed '"kill_on_close": false'
	end one two
}

# The account's keys from "exited" on are those that there are.
value() {	# KEY: of a text that stat printed
	sed -n "s/^$1 \+//p" "$T/out"
}

stat_accounts() {
	# Nine end: four by exit, one of them in a job below; three and then two by signal
	job one sh -c '
		for i in 0 3 3; do (exit $i); done
		jobtrack run -- sh -c "exit 3"
		for s in TERM KILL 34; do sh -c "kill -$s \$\$"; done
		i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done
		dd if=/dev/zero of=/dev/null bs=1000 count=3
		exec sleep 1000'
	eventually grep -q '^sleep' "/proc/$pid/comm"
	eventually sh -c 'jobtrack stat one | grep -q "^tree_leaving *0$"'
	jt stat one; status 0; silent
	for k in 'living +1' 'leaving +0' 'gone +7' 'dumped +0' 'exited_0 +2' 'exited_3 +2' \
		 'signaled_term +1' 'signaled_kill +1' 'signaled_rtmin +1' \
		 'tree_births +8' 'tree_joined +1' 'tree_lost +0' 'tree_living +1' \
		 'tree_leaving +0' 'tree_gone +8' 'tree_exited_0 +2' 'tree_exited_3 +3' \
		 'tree_signaled_kill +1' '(tree_)?utime_s +[0-9]+\.[0-9]{6}' \
		 '(tree_)?stime_s +[0-9]+\.[0-9]{6}'; do
		printed "^$k\$"
	done
	for k in maxrss_bytes minflt majflt nvcsw nivcsw rchar_bytes wchar_bytes read_bytes \
		 write_bytes cancelled_write_bytes; do
		printed "^$k +[0-9]+\$"
		[ "$(value tree_$k)" -ge "$(value $k)" ] || wrong "tree_$k is less: $out"
	done
	[ "$(value utime_s | tr -d .)" -gt 0 ] || wrong "no CPU time: $out"
	[ "$(value rchar_bytes)" -ge 3000 ] || wrong "dd has not read: $out"
	[ "$(value maxrss_bytes)" -ge 65536 ] || wrong "no memory: $out"
	[ $(($(value minflt) > 0)) = 1 ] || wrong "no page fault: $out"

	jt stat --json one; status 0; silent; is_json
	printed '"exited": \{"0": 2, "3": 2\},?$'
	printed '"signaled": \{"KILL": 1, "TERM": 1, "RTMIN": 1\},?$'
	printed '"tree_exited": \{"0": 2, "3": 3\},?$'
	printed '"gone": 7,$'; printed '"utime_s": [0-9]+\.[0-9]{6},$'
	[ "$(grep -c '"leaving"' "$T/out")" = 1 ] || wrong "a key twice: $out"

	# A job of its own has ended none.
	jobtrack run -l two -- sleep 1000 &
	eventually running $!
	jt stat -J two; is_json; printed '"exited": \{\},?$'
	# Each key is explained.
	jt stat two
	for k in $(sed 's/ .*//; s/^tree_//' "$T/out" | tr "[:lower:]" "[:upper:]"); do
		jobtrack stat --help | grep -qw -e "$k" -e "TREE_$k" || wrong "--help lacks $k"
	done
	end one two
}

audit_of_all() {
	jt audit; status 0; silent
	printed '^clean: [1-9][0-9]* processes, 0 members of 0 jobs, 0 undecided$'
	job one sh -c 'sleep 1000 & exec sleep 2000'
	eventually sh -c '[ "$(jobtrack ps one | grep -c "sleep .000")" = 2 ]'
	jt audit; status 0; silent
	printed '^clean: [1-9][0-9]* processes, 2 members of 1 job, 0 undecided$'
	jt audit --json; status 0; silent; is_json
	for k in '"differences": 0' '"processes": [1-9][0-9]*' '"members": 2' '"jobs": 1' \
		 '"undecided": 0' '"findings": \[\]'; do
		printed "$k,?\$"
	done
	# A child from before its parent was tagged is right where it is.
	sh -c 'sleep 3000 & exec sleep 4000' &
	a=$!
	eventually grep -q 4000 /proc/$a/cmdline
	jobtrack tag one $a
	jt audit; status 0; silent
	printed '^clean: .* 3 members of 1 job, 0 undecided$'
	for p in $(ps -o pid,args | awk '$2 == "sleep" && $3 == 3000 { print $1 }'); do kill $p; done
	end one
}

audit_for_root_only() {
	chmod 666 /dev/jobtrack
	for o in '' ' -J'; do
		try "a user, audit$o" as_user "jobtrack audit$o"
		status 1
		prints ''
		complained 'only root may'
	done
	# Strays are for everybody, and who asks is none. As root's job nobody's can be seen.
	job one su user -c 'exec sleep 1000'
	try 'a user, strays' as_user 'exec jobtrack audit --strays -u 1000'
	status 0; silent
	printed '^PID PPID UID USER AGE_S SID UNIT COMMAND$'
	chmod 600 /dev/jobtrack
	end one
}

# daemon USER CMD [BECOMES]: as daemons begin; $pid is it, an orphan in a session of its own
daemon() {
	rm -f "$T/pid"
	su "$1" -c "(setsid sh -c 'echo \$\$ >$T/pid; exec $2' </dev/null >/dev/null 2>&1 &)"
	eventually [ -s "$T/pid" ]
	pid=$(cat "$T/pid")
	rm -f "$T/pid"
	eventually runs "$pid" "${3:-$2}"
}
runs() {
	[ "$(tr '\0' ' ' <"/proc/$1/cmdline")" = "$2 " ] || grep -q 'State:.Z' "/proc/$1/status"
}
stray() {	# PID, and what else is in its line
	printed "^ *$1 $2\$"
}
rows() {	# HOW MANY
	[ "$(grep -c '' "$T/out")" = $(($1 + 1)) ] || wrong "$did: not $1 rows: $out"
}

strays_are_listed() {
	jt audit --strays; status 0; silent
	prints 'PID PPID UID USER AGE_S SID UNIT COMMAND'
	jt audit --strays -J; status 0; silent; is_json
	[ "$(tr -d ' \n' <"$T/out")" = '{"strays":[]}' ] || wrong "none: $out"

	# The same, in a job and in none
	job one su user -c 'setsid sleep 1000 & exec sleep 1000'
	eventually sh -c '[ "$(jobtrack ps one | grep -c " sleep 1000$")" = 2 ]'
	daemon user 'sleep 1234'
	eventually sh -c '[ "$(jobtrack audit -s -o age_s | tail -n 1)" -ge 1 ]'
	jt audit --strays; status 1; silent
	[ "$(head -n 1 "$T/out" | tr -s ' ' | sed 's/^ //')" = \
	  'PID PPID UID USER AGE_S SID UNIT COMMAND' ] || wrong "columns: $out"
	rows 1
	stray $pid "+[0-9]+ 1000 user +[1-9][0-9]* +$pid - +sleep 1234"
	jt audit -s -J; status 1; silent; is_json
	for k in "pid\": $pid" "ppid\": [0-9]+" 'uid": 1000' 'user": "user"' 'age_s": [0-9]+' \
		 "sid\": $pid" 'unit": null' 'command": "sleep 1234"'; do
		printed "^ *\"$k,?\$"
	done
	# Once it is in a job it is no stray.
	jobtrack tag one "$pid"
	jt audit -s; status 0; silent; rows 0
	end one
}

strays_by_user() {
	daemon stranger 'sleep 2222'
	b=$pid
	daemon user 'sleep 1111'
	a=$pid
	jt audit -s; status 1; rows 2
	for o in '-u 1000' '--uid=1000-1000' '-u 0-1000 -e root' '-e stranger' '--except 1001,root' \
		 '-u 1000-4294967294 -e stranger'; do
		jt audit -s $o; status 1; silent; rows 1; printed ' user .* sleep 1111$'
	done
	for o in '-u 1001-2000' '-e user' '--except=0,1000'; do
		jt audit -s $o; status 1; silent; rows 1; printed ' stranger .* sleep 2222$'
	done
	for o in '-u 1002-60000' '-e user,stranger' '-u 1000 -e 1000'; do
		jt audit -s $o; status 0; silent; rows 0
	done
	# root's are among them if asked for, the kernel's own and the command itself are not.
	jt audit -s -u 0-2000; status 1; silent
	printed "^ *$$ "; printed '^ *1 +0 +0 root '; printed ' sleep 1111$'
	grep -E '^ *2 |kthreadd|audit' "$T/out" && wrong "lists what is no user's: $out"
	# Which are users' IDs is the site's to say.
	printf '# UID_MIN 5\nUID_MIN\t1001\nUID_MAX  60000\nSYS_UID_MIN 100\n' >/etc/login.defs
	jt audit -s; status 1; rows 1; printed ' sleep 2222$'
	echo 'UID_MAX 1000' >/etc/login.defs
	jt audit -s; status 1; rows 1; printed ' sleep 1111$'
	echo 'UID_MAX 10' >/etc/login.defs
	fails 1 'UID_MIN is above'	audit -s
	rm /etc/login.defs
	# A set-user-ID program is its user's, whoever it may act as.
	cp "$here/headless" "$T/setuid"
	chmod 4755 "$T/setuid"
	kill "$a" "$b"
	daemon user "$T/setuid"
	jt audit -s -o pid,UID,euid; status 1; rows 1
	printed "^ *$pid 1000 +0\$"
	kill "$pid"
	eventually dead "$pid"
}

strays_with_all_columns() {
	group=/sys/fs/cgroup/user-1000.slice
	mkdir -p $group/session-7.scope/inner
	daemon user 'sleep 1234'
	echo "$pid" >$group/cgroup.procs
	jt audit -s -o unit,pid; status 1; rows 1; printed "^user-1000.slice +$pid\$"
	echo "$pid" >$group/session-7.scope/inner/cgroup.procs
	parent=$(awk '{ print $4 }' "/proc/$pid/stat")
	jt audit -s -o all; status 1; silent; rows 1
	stray $pid "+$parent 1000 user +[0-9]+ +$pid session-7.scope 1000 +$pid - +S +$(date +%Y)-[-0-9]+T[:0-9]+[+-][0-9]{4} .* sleep 1234"
	jt audit -s -J -o parent,start,tty; status 1; is_json
	printed "\"parent\": \"$(tr '\0' ' ' <"/proc/$parent/cmdline" | sed 's/ $//')\","
	printed '"tty": null'
	[ $(($(date +%s) - $(date -D %Y-%m-%dT%H:%M:%S \
		-d "$(sed -n 's/.*"start": "\([^"+]*\).*/\1/p' "$T/out")" +%s))) -le 100 ] ||
		wrong "started long ago: $out"
	kill "$pid"
	for c in $(jobtrack audit --help | sed '1,/^Columns:/d' | awk '!NF { exit } { print $1 }'); do
		sed 's/\\//g' $manual | grep -q "fB$c"fR || wrong "the man page lacks $c"
	done
	eventually dead "$pid"
	rmdir $group/session-7.scope/inner $group/session-7.scope $group
}

strays_are_alive() {
	# A main thread that has ended is not the end; an end that nobody waits for is.
	daemon user "$here/headless"
	a=$pid
	eventually grep -q 'State:.Z' "/proc/$a/status"
	daemon user 'sh -c "true & exec sleep 4321"' 'sleep 4321'
	eventually sh -c "ps -o ppid,stat | grep '^ *$pid Z'"
	jt audit -s -o pid,state,command; status 1; rows 2
	printed "^ *$a S +$here/headless\$"
	printed "^ *$pid S +sleep 4321\$"
	kill -KILL $a "$pid"
	eventually jobtrack audit -s
	# Nor is the rest of a job a stray.
	job one sh -c 'su user -c true & exec sleep 1000'
	eventually sh -c "ps -o ppid,stat | grep '^ *$pid Z'"
	jt audit -s; status 0; rows 0
	end one
}

labels_of_others() {
	job same sleep 1000
	root=$id
	chmod 666 /dev/jobtrack
	as_user 'exec jobtrack run -l same -- sleep 1000' >/dev/null 2>&1 &
	eventually jobtrack stat 1000:same
	jt stat same; printed "^id +$root\$"
	jt stat 0:same; printed "^id +$root\$"
	jt stat 1000:same; printed '^uid +1000$'
	users=$(jobtrack stat 1000:same | sed -n 's/^id *//p')
	try 'a user, own label' as_user 'jobtrack stat same'
	printed "^id +$users\$"
	try "a user, root's label" as_user 'jobtrack stat 0:same'
	status 1
	complained 'no such job'
	chmod 600 /dev/jobtrack
	end same 1000:same
} 2>/dev/null

output_that_does_not_arrive() {
	for c in --help 'list --help' list 'list -J'; do
		try "jobtrack $c >/dev/full" sh -c "jobtrack $c >/dev/full"
		status 1
		complained 'cannot write'
	done
}

run_tests
