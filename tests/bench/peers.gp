# SPDX-License-Identifier: BSD-3-Clause
# Copyright the clamsmtpd contributors
#
# gnuplot -c peers.gp OUT.svg TITLE UNIT FROM COLUMNS DATA HEAD [DATA HEAD]
# A panel for each DATA: a group of bars for each row, a bar for each column, on a
# scale of tens that begins at FROM.

panels = (ARGC - 5) / 2
set terminal svg size 880,400 background "#ffffff" font "sans-serif,12"
set output ARG1
set multiplot layout 1,panels title ARG2
set datafile separator "\t"
set datafile missing "?"
set style data histograms
set style histogram clustered gap 1
set style fill solid 1 noborder
set boxwidth 0.9
set linetype 1 lc rgb "#1b6ca8"
set linetype 2 lc rgb "#7fb8e0"
set linetype 3 lc rgb "#c8571b"
set linetype 4 lc rgb "#f2b184"
array rows[panels]
do for [i = 1:panels] {
	stats (i == 1 ? ARG6 : ARG8) using 0 nooutput
	rows[i] = STATS_records
}
set logscale y
set yrange [ARG4 + 0:*]
set format y "%g"
set grid ytics lt 1 lc rgb "#cccccc"
set border 3
set tics nomirror
set xtics scale 0
set ylabel ARG3
set bmargin 6
set key bottom center outside horizontal maxcols 2 samplen 1
columns = ARG5 + 1
if (columns == 2) { unset key }
do for [i = 0:panels - 1] {
	file = i ? ARG8 : ARG6
	set title (i ? ARG9 : ARG7)
	set xrange [-0.6:rows[i + 1] - 1.4]
	plot for [c = 2:columns] file using c:xtic(1) title columnheader(c) lt c - 1
}
unset multiplot
