# SPDX-License-Identifier: GPL-2.0
#
# Figures, as `run` collects them, and the targets make one object (def bench), and
# that makes the tables for a terminal (def text).

def order: reduce .[] as $x ([]; if index([$x]) then . else . + [$x] end);

def at($table; $row; $column):
	first(.[] | select(.table == $table and .row == $row and .column == $column)) // null;

# ------------------------------------------------------------------- the targets

# Lines of the file targets
def read_targets:
	split("\n") | map(select(test("^[^#]"))
		| split("|") | map(gsub("^\\s+|\\s+$"; ""))
		| { table: .[0], row: .[1], column: .[2], against: .[3], at_most: (.[4] | tonumber) });

# The figure that the target is about, in a row of its table
def measured($target; $row):
	at($target.table; $row; $target.column) as $figure
	| at($target.table; $row; $target.against[2:]).value as $other
	| { row: $row }
	+ if $figure == null or ($target.against != "" and $other == null) then { value: null }
	  elif $target.against == "" then { value: $figure.value, low: $figure.low }
	  else { value: ($figure.value / $other) } end;

# What rounding and noise make of a figure that is as wanted is let pass
def met($target):
	(if $target.at_most == 0 and .low != null then .low else .value end) as $value
	| (if $target.against == "" then 0.5 else 0.005 end) as $slack
	| $value != null and $value < $target.at_most + $slack;

# Of a target for all rows the worst counts
def judged($targets):
	. as $figures
	| [$targets[] | . as $target
		| ($figures | map(select(.table == $target.table).row) | order) as $rows
		| select($rows != [])
		| [if $target.row == "*" then $rows[] else $target.row end
			| . as $row | $figures | measured($target; $row)]
		| max_by(.value) | $target + . + { met: met($target) }];

def bench($targets):
	{ figures: ., targets: judged($targets | read_targets) };

# --------------------------------------------------------------------- the tables

def titles: {
	cost: "Cost of an operation: executed instructions, and how many more than bare",
	kill: "Kill until the last process is gone, millions of executed instructions",
	survivors: "Processes left when the killer gave up (after its first pass)",
	list: "List, executed instructions a row",
	memory: "Memory, bytes each",
	growth: "Ten times as many, executed instructions",
	smp: "Forks on four emulated processors, by the clock: a quiet machine's only",
	versus: "Why not BPF, or cgroup v2: the costs of tracking, what it leaves, what a list costs"
};

def spaces($n): if $n > 0 then " " * $n else "" end;
def left($n): . + spaces($n - length);
def right($n): spaces($n - length) + .;
def commas: if length <= 3 then . else (.[:-3] | commas) + "," + .[-3:] end;

def digits($n): pow(10; $n) as $p | (. * $p | round) / $p | tostring;
def number:
	fabs as $a
	| (if . < 0 and $a >= 0.005 then "-" else "" end)
	+ ($a | if . >= 100 then digits(0) | commas elif . >= 10 then digits(1) else digits(2) end);

def cell:
	if . == null then "-"
	elif has("first_pass") and .first_pass != .value
	then "\(.value | number) (\(.first_pass | number))"
	else .value | number end;

# Names over columns are two lines: broken at the first blank, if any
def heading: if test(" ") then [.[:index(" ")], .[index(" ") + 1:]] else ["", .] end;

def thousands: gsub("(?<n>[0-9]{4,})"; .n | commas);

# Of the figures of one table
def grid:
	.[0].table as $table
	| (map(.row) | order) as $rows | (map(.column) | order) as $columns
	| [["", ""], ($columns[] | heading)] as $heads
	| [$heads | map(.[0]), map(.[1])]
	+ [$rows[] as $row
		| [$row | thousands] + [$columns[] as $column | at($table; $row; $column) | cell]]
	| . as $lines
	| [range($columns | length + 1) as $i | $lines | map(.[$i] | length) | max] as $widths
	| $lines[] | . as $line
	| [range(length) as $i | $line[$i]
		| if $i == 0 then left($widths[0]) else right($widths[$i] + 2) end] | add
	| sub(" +$"; "") | select(. != "");

# There are more columns than fit on a screen.
def turned: if .[0].table == "cost" then map(. + { row: .column, column: .row }) else . end;

# Of all figures, those that answer the reviewer's first question; nothing is
# measured for it.
def worst($killer):
	map(select(.table == "survivors" and .column == $killer))
	| if . == [] then null
	  else { value: (map(.value) | max), first_pass: (map(.first_pass) | max) } end;

def versus:
	. as $all
	| [["jobtrack", "tracked", "next to 100 jobs", "jobtrack", "jobtrack"],
	   ["BPF tracker", "BPF", "next to BPF", "BPF tracker", "BPF, all tasks"],
	   ["cgroup v2", "cgroup 3 deep", null, "cgroup.kill", "cgroup.procs"]][]
	| . as [$name, $in, $beside, $killer, $list]
	| { "fork, untracked": ($all | at("cost"; "fork+exit+wait"; $beside)),
	    "fork, tracked": ($all | at("cost"; "fork+exit+wait"; $in)),
	    "thread, tracked": ($all | at("cost"; "thread create+join"; $in)),
	    "left (1st pass)": ($all | worst($killer)),
	    "kill of 10,000": ($all | at("kill"; "10000 sleepers"; $killer)),
	    "row of 10,000": ($all | at("list"; "10000"; $list)) }
	| to_entries[] | select(.value)
	| .value + { table: "versus", row: $name, column: .key };

def verdict:
	if .value == null then "not measured"
	elif .met then "met"
	else "missed by \(.value - .at_most | number)"
		+ if .at_most > 0 then " (\((.value / .at_most - 1) * 100 | round) %)" else "" end
	end;

def aim:
	"  \(.row | thousands), \(.column)"
	+ (if .against == "" then "" else ", to \(.against[2:])" end)
	+ ": \(if .value == null then "-" else .value | number end)"
	+ ", wanted at most \(.at_most | number): \(verdict)";

def text:
	.targets as $targets
	| .figures + [.figures | if any(.table == "cost") then versus else empty end] | . as $figures
	| (map(.table) | order)[] as $table
	| "", (titles[$table] // $table),
	  ($figures | map(select(.table == $table)) | turned | grid),
	  ($targets[] | select(.table == $table) | aim);
