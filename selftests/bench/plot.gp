# SPDX-License-Identifier: GPL-2.0
#
# The picture; plot.jq has made its data, `plot` says where it goes.
set terminal svg size 1180, 900 dynamic background rgb "white" font "sans-serif,12" noenhanced
set output svg
array colours[8] = ["#c0392b", "#1f618d", "#5dade2", "#8e44ad", "#117a65", "#7d6608", "#b7950b", \
	"#7f8c8d"]
set linetype 1 linecolor rgb "#c0392b"
set linetype 2 linecolor rgb "#85a5c0"
set style fill solid 0.85 noborder
set border 3 linecolor rgb "#555555"
set tics nomirror
set tics out
set grid linecolor rgb "#e4e4e4" linetype 1
set multiplot

# Kills
set origin 0.0, 0.45
set size 0.56, 0.55
set lmargin at screen 0.085
set rmargin at screen 0.53
set title "Until the last process is gone"
set xlabel "sleeping processes"
set ylabel "millions of executed instructions"
set logscale xy
set xtics ("100" 100, "1,000" 1000, "10,000" 10000, "100,000" 100000)
set ytics ("1" 1, "10" 10, "100" 100, "1,000" 1000, "10,000" 10000)
set xrange [70:150000]
set key top left reverse Left samplen 2 spacing 1.1
plot for [i=1:|kill_names|] sprintf("$kill_%d", i) using 1:2 with linespoints \
	linewidth (i == 1 ? 3 : 1.5) pointtype (i & 1 ? 7 : 6) pointsize (i & 1 ? 0.6 : 1) \
	linecolor rgb colours[i] title kill_names[i]

# Lists
set origin 0.56, 0.45
set size 0.44, 0.55
set lmargin at screen 0.68
set rmargin at screen 0.94
unset key
set title "A list of 10,000 processes"
set xlabel "executed instructions a row"
unset ylabel
unset logscale y
set xrange [10:400000]
set yrange [0.4:list_lines + 0.6]
set format y "%s"
eval "set ytics scale 0 (" . list_tics . ")"
set grid noytics
plot $list using 2:1:(10):2:($1 - 0.3):($1 + 0.3):4 with boxxyerror linecolor variable, \
	$list using 2:1:3 with labels left offset 0.6, 0

# Operations
unset logscale x
set format x "%.0f"
set title font ",12"
set yrange [0.3:cost_lines + 0.7]
eval "set ytics scale 0 (" . cost_tics . ")"
unset xtics
unset grid
set border 2
set xlabel "instructions more than bare"
step = 0.85 / |cost_titles|
do for [i=1:|cost_titles|] {
	set lmargin at screen 0.15 + (i - 1) * step
	set rmargin at screen 0.15 + (i - 1) * step + 0.7 * step
	set tmargin at screen 0.38
	set bmargin at screen 0.07
	set title cost_titles[i]
	set xrange [0:1.4 * cost_most[i]]
	plot sprintf("$cost_%d", i) using 2:1:(0):($2 > 0 ? $2 : 0):($1 - 0.35):($1 + 0.35):4 \
		with boxxyerror linecolor variable, \
		sprintf("$cost_%d", i) using ($2 > 0 ? $2 : 0):1:3 with labels left offset 0.4, 0
	unset ytics
}
unset multiplot
