# SPDX-License-Identifier: GPL-2.0
#
# What `plot` draws, as gnuplot's named data: $kill_N for each way to kill, with
# kill_names; $list; $cost_N for each operation, with cost_titles.
include "tables";

def quoted: "\"" + . + "\"";
def block($name; lines): "$\($name) << EOD", lines, "EOD";
def strings($name): "array \($name)[\(length)] = [\(map(quoted) | join(", "))]";

# Bars from the top down: place, length, what is written beside, ours or not
def bar($ours): [.place, .value, (.value | number | quoted), if $ours then 1 else 2 end]
	| join(" ");
def tics($name; $places): "\($name) = \([$places[] | "'\(.name)' \(.place)"] | join(", ") | quoted)";

def placed: length as $n | to_entries | map(.value + { place: ($n - .key) });

def kill:
	map(select(.table == "kill" and (.row | test("^[0-9]+ sleepers")))) | . as $kill
	| (map(.column) | order) as $names
	| range($names | length) as $i
	| block("kill_\($i + 1)"; $kill[] | select(.column == $names[$i])
		| "\(.row | split(" ")[0]) \(.value)"),
	  if $i == 0 then $names | strings("kill_names") else empty end;

def list:
	map(select(.table == "list" and .row == "10000")) | placed
	| block("list"; .[] | bar(.column == "jobtrack")),
	  tics("list_tics"; map({ name: .column, place })), "list_lines = \(length)";

def cost:
	map(select(.table == "cost")) | . as $cost
	| (map(select(.column | test("^bare") | not).column) | order | to_entries
		| length as $n | map({ name: .value, place: ($n - .key) })) as $setups
	| (map(.row) | order) as $operations
	| tics("cost_tics"; $setups), "cost_lines = \($setups | length)",
	  ([$operations[] as $o | "\($o)\\nbare: \($cost | at("cost"; $o; "bare").value | number)"]
		| strings("cost_titles")),
	  "array cost_most[\($operations | length)] = [\([$operations[] as $o
		| $cost | map(select(.row == $o and (.column | test("^bare") | not)).value) | max]
		| map(tostring) | join(", "))]",
	  (range($operations | length) as $i
		| block("cost_\($i + 1)"; $setups[] | . as $setup
			| $cost | at("cost"; $operations[$i]; $setup.name) | select(.)
			| . + $setup | bar(.name | test("tracked|job|loaded"))));

.figures | select(any(.table == "kill")) | kill, list, cost
