//! Pictures: bars side by side, and lines between points. The background is white, so that they can be read anywhere.

use super::number::number;

const WIDTH: f64 = 760.0;
const INK: &str = "#1f2328";
const PALE: &str = "#59636e";
const GRID: &str = "#d1d9e0";

/// A bar, with the range of its rounds.
pub(crate) struct Bar<'a> {
    pub(crate) label: &'a str,
    pub(crate) value: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// A line between points.
pub(crate) struct Series<'a> {
    pub(crate) label: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

struct Picture {
    body: String,
}

impl Picture {
    fn new(title: &str, note: &str) -> Self {
        let mut picture = Self { body: String::new() };
        picture.text(16.0, 28.0, "start", "bold 16", INK, title);
        picture.text(16.0, 48.0, "start", "13", PALE, note);
        picture
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, font: &str, fill: &str, text: &str) {
        let (weight, size) = font.split_once(' ').unwrap_or(("normal", font));
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.body += &format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" font-weight=\"{weight}\" \
             fill=\"{fill}\">{text}</text>\n"
        );
    }

    fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        self.body +=
            &format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>\n");
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, width: f64) {
        self.body += &format!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{stroke}\" stroke-width=\"{width}\"/>\n",
            from.0, from.1, to.0, to.1
        );
    }

    fn finish(self, height: f64) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" \
             height=\"{height:.0}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.body
        )
    }
}

/// Ours stand out, and the floors, which no library can pass, step back.
fn color(label: &str) -> &'static str {
    match label {
        _ if label.starts_with("pgrepo") => "#0969da",
        "raw socket" | "psql" | "pgbench" => "#afb8c1",
        _ if label.starts_with("hand-written") => "#afb8c1",
        _ => "#e0a458",
    }
}

/// Groups of bars, one below the other, on one scale. A bar much longer than ours is cut.
pub(crate) fn bars(title: &str, note: &str, groups: &[(&str, Vec<Bar<'_>>)]) -> String {
    const LEFT: f64 = 200.0;
    const LONGEST: f64 = WIDTH - LEFT - 100.0;
    let all = || groups.iter().flat_map(|(_, bars)| bars);
    let ours = all().filter(|b| b.label.starts_with("pgrepo"));
    let last = all().map(|b| b.max).fold(0.0, f64::max);
    let cut = ours.map(|b| b.value * 4.0).fold(0.0, f64::max);
    let scale = if cut > 0.0 && last > cut * 1.25 { cut } else { last };
    let note = if last > scale { format!("{note} Bars with a gap are cut.") } else { note.to_owned() };
    let mut picture = Picture::new(title, &note);
    let mut y = 64.0;
    for (heading, bars) in groups {
        y += 22.0;
        picture.text(16.0, y, "start", "bold 13", INK, heading);
        y += 8.0;
        for bar in bars {
            picture.text(LEFT - 8.0, y + 13.0, "end", "13", INK, bar.label);
            let at = |value: f64| LEFT + if scale > 0.0 { (value / scale).min(1.0) * LONGEST } else { 0.0 };
            picture.rect(LEFT, y, (at(bar.value) - LEFT).max(1.0), 17.0, color(bar.label));
            let mut end = at(bar.value);
            if bar.value > scale {
                picture.rect(end - 30.0, y - 1.0, 7.0, 19.0, "#ffffff");
            } else if bar.max > bar.min {
                end = at(bar.max);
                picture.line((at(bar.min), y + 8.5), (end, y + 8.5), INK, 1.0);
                for x in [at(bar.min), end] {
                    picture.line((x, y + 5.0), (x, y + 12.0), INK, 1.0);
                }
            }
            picture.text(end + 6.0, y + 13.0, "start", "13", INK, &number(bar.value));
            y += 23.0;
        }
    }
    picture.finish(y + 12.0)
}

/// Lines on scales that are both logarithmic. All coordinates are above zero.
pub(crate) fn lines(title: &str, note: &str, axes: [&str; 2], all: &[Series<'_>]) -> String {
    const HEIGHT: f64 = 460.0;
    const LEFT: f64 = 90.0;
    const RIGHT: f64 = WIDTH - 150.0;
    const TOP: f64 = 90.0;
    const BOTTOM: f64 = HEIGHT - 60.0;
    const COLORS: [&str; 4] = ["#0969da", "#bc4c00", "#59636e", "#8250df"];
    let mut picture = Picture::new(title, note);
    let points = || all.iter().flat_map(|s| s.points.iter().copied());
    let (x0, x1) = decades(points().map(|p| p.0));
    let (y0, y1) = decades(points().map(|p| p.1));
    let x = |value: f64| LEFT + (value.log10() - x0) / (x1 - x0) * (RIGHT - LEFT);
    let y = |value: f64| BOTTOM - (value.log10() - y0) / (y1 - y0) * (BOTTOM - TOP);
    for power in powers(x0, x1) {
        picture.line((x(power), TOP), (x(power), BOTTOM), GRID, 1.0);
        picture.text(x(power), BOTTOM + 20.0, "middle", "12", PALE, &number(power));
    }
    for power in powers(y0, y1) {
        picture.line((LEFT, y(power)), (RIGHT, y(power)), GRID, 1.0);
        picture.text(LEFT - 8.0, y(power) + 4.0, "end", "12", PALE, &number(power));
    }
    picture.text((LEFT + RIGHT) / 2.0, BOTTOM + 44.0, "middle", "13", INK, axes[0]);
    picture.text(16.0, TOP - 14.0, "start", "13", INK, axes[1]);
    // The names stand at the lines' ends, one below the other.
    let mut ends: Vec<_> = all.iter().enumerate().filter_map(|(n, s)| s.points.last().map(|p| (n, y(p.1)))).collect();
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut above = f64::MIN;
    for (n, end) in ends {
        let (series, color) = (&all[n], COLORS[n % COLORS.len()]);
        for pair in series.points.windows(2) {
            picture.line((x(pair[0].0), y(pair[0].1)), (x(pair[1].0), y(pair[1].1)), color, 2.0);
        }
        for (px, py) in &series.points {
            picture.body +=
                &format!("<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{color}\"/>\n", x(*px), y(*py));
        }
        above = (above + 18.0).max(end + 4.0);
        let from = series.points.last().map_or(RIGHT, |p| x(p.0));
        picture.text(from + 10.0, above, "start", "13", color, series.label);
    }
    picture.finish(HEIGHT)
}

/// The powers of ten around all values.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    (low, if high > low { high } else { low + 1.0 })
}

fn powers(from: f64, to: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(from), |power| Some(power + 1.0)).take_while(move |p| *p <= to).map(|p| 10_f64.powf(p))
}
