# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of jobtrack(1) for bash.

_jobtrack_jobs()
{
	jobtrack list -o ID,LABEL 2>/dev/null | awk 'NR > 1 { print $1; if ($2 != "-") print $2 }'
}

_jobtrack()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words='' i

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		words='run list ps kill wait tag which stat audit --help --version'
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi

	case $command:$prev in
	run:-l | run:--label | run:-t | run:--timeout | wait:-t | wait:--timeout | \
	kill:-w | kill:--wait)
		return ;;
	kill:-s | kill:--signal)
		mapfile -t COMPREPLY < <(compgen -A signal -- "$cur")
		return ;;
	audit:-u | audit:--uid)
		return ;;
	audit:-e | audit:--except)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return ;;
	list:-o | list:--output | audit:-o | audit:--output)
		words=$(jobtrack "$command" --help | sed '1,/^Columns:/d' | awk '!NF { exit } { print $1 }')
		mapfile -t COMPREPLY < <(compgen -W "$words all" -- "$cur")
		return ;;
	esac

	if [[ $command == run ]]; then
		# CMD begins behind the options and their arguments.
		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${COMP_WORDS[i]} in
			-l | --label | -t | --timeout) ((i++)) ;;
			--)	((i++)); break ;;
			-*)	;;
			*)	break ;;
			esac
		done
		if ((i < COMP_CWORD)) || [[ $cur != -* ]]; then
			if declare -F _command_offset >/dev/null; then
				_command_offset "$((i < COMP_CWORD ? i : COMP_CWORD))"
			else
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			fi
			return
		fi
	fi

	case $command in
	run)	words='--label --print-id --timeout --kill --help' ;;
	list)	words='--json --output --help' ;;
	ps | stat) words='--json --help' ;;
	kill)	words='--signal --wait --help' ;;
	wait)	words='--timeout --help' ;;
	tag)	words='--tree --help' ;;
	which)	words='--help' ;;
	audit)	words='--json --strays --uid --except --output --help' ;;
	*)	return ;;
	esac
	case $cur:$command in
	-*)	;;
	*:which) words=$(cd /proc && echo [0-9]*) ;;
	*:list | *:audit) return ;;
	*)	words=$(_jobtrack_jobs) ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _jobtrack jobtrack
