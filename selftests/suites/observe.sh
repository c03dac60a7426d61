# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
#
# For the guest's scripts: a program's results, as lines that can be compared.
suites=/suites
limit=$((60 * ${JT_SLOW:-1}))	# seconds for a program

programs() {	# DIRECTORY
	awk -v d="$1" '$1 == d { for (i = 2; i <= NF && $i !~ /^#/; i++) print $i }' $suites/.programs
}

# observe DIRECTORY PROGRAM [PREFIX...]: runs it behind PREFIX. For each result a line
# "DIRECTORY/PROGRAM<TAB>ok ...", without numbers, which are PIDs, times, addresses, and
# one for the exit status. All that it said is in /run/out.
observe() {
	name=$1/$2 dir=$1 program=$2
	shift 2
	case $dir in	# pidfd_test waits until the PIDs begin anew
	pidfd) echo 1200 ;;
	*)     echo 32768 ;;
	esac >/proc/sys/kernel/pid_max
	cd "$suites/$dir/${program%"${program##*/}"}" || return
	set -- "$@" "./${program##*/}"
	[ "$program" != pidfd_poll_test ] || set -- "$@" 100	# instead of 10,000
	timeout -s KILL "$limit" "$@" </dev/null >/run/out 2>&1
	echo "exit $?" >/run/status
	cat /run/out /run/status | sed -nE -e 's/\x1b\[[0-9;]*m//g' \
		-e '/^(not )?ok|^exit /!d' \
		-e '/^exit /!s/0x[0-9a-f]+|[0-9]+/N/g' -e "s|^|$name\t|p"
}
